"""Whole lines of a raw Criteo file into numbers, vectorised.

Meaning as in facebookresearch/dlrm, data_utils.py:1001-1023: tab-separated, a missing field is 0, integers are
decimal and may be negative, categories are hexadecimal. B rows of the block, I integers, F categories.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.criteo.schema import DENSE_FEATURES, FIELDS, LABEL, field_name

_TAB, _NEWLINE, _MINUS, _ZERO = b"\t\n-0"
_HEX_DIGITS = 8
_INT_DIGITS = 10  # of 2147483648
_INT32 = np.iinfo(np.int32)
_NO_DIGIT = 255

_HEX = np.full(256, _NO_DIGIT, np.uint8)
for _digit in b"0123456789abcdefABCDEF":
    _HEX[_digit] = int(chr(_digit), 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """Rows as they stand in the file, missing fields as 0."""

    label_B: npt.NDArray[np.int32]
    dense_BI: npt.NDArray[np.int32]  # may be negative
    hash_BF: npt.NDArray[np.uint32]


class BadRowError(ValueError):
    """A row is not Criteo TSV: `row` counts from 0 within the block."""

    def __init__(self, row: int, reason: str):
        super().__init__(reason)
        self.row = row


def parse_block(block: bytes) -> RawRows:
    """Return the rows of `block`, which holds whole lines, each with its newline.

    Raises:
        BadRowError: a row has another number of fields or a field that is no number; the first such row.
    """
    # The longest field is read by offsets from its first byte, past the end of the block for its last field.
    text = np.frombuffer(block + bytes(_INT_DIGITS + 1), np.uint8)
    stops = np.flatnonzero((text == _TAB) | (text == _NEWLINE))
    row_stops = stops[FIELDS - 1 :: FIELDS]
    rows = block.count(b"\n")
    if len(stops) != FIELDS * rows or not (text[row_stops] == _NEWLINE).all():
        raise _first_bad_row(block, range(rows))
    starts = np.empty_like(stops)
    starts[0] = 0
    starts[1:] = stops[:-1] + 1
    field_starts = starts.reshape(rows, FIELDS)
    field_sizes = stops.reshape(rows, FIELDS) - field_starts
    label_B, bad_label_B = _labels(text, field_starts[:, LABEL], field_sizes[:, LABEL])
    dense = slice(1, 1 + DENSE_FEATURES)
    dense_BI, bad_dense_B = _integers(text, field_starts[:, dense], field_sizes[:, dense])
    sparse = slice(1 + DENSE_FEATURES, FIELDS)
    hash_BF, bad_hash_B = _hashes(text, field_starts[:, sparse], field_sizes[:, sparse])
    bad = np.flatnonzero(bad_label_B | bad_dense_B | bad_hash_B)
    if len(bad):
        raise _first_bad_row(block, range(int(bad[0]), rows))
    return RawRows(label_B=label_B, dense_BI=dense_BI, hash_BF=hash_BF)


def explain_row(line: bytes) -> str | None:
    """Return what is wrong with `line` (without its newline), or None when it is a row."""
    fields = line.split(b"\t")
    if len(fields) != FIELDS:
        hint = "; rows without a label cannot be used" if len(fields) == FIELDS - 1 else ""
        return f"{len(fields)} tab-separated fields instead of {FIELDS}{hint}"
    for index, field in enumerate(fields):
        if wanted := _wanted_instead(index, field):
            return f"field {index + 1} ({field_name(index)}) is {_shown(field)}, not {wanted}"
    return None


def _labels(
    text: npt.NDArray[np.uint8], start_B: npt.NDArray[np.int64], size_B: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    digit_B = text[start_B] - np.uint8(_ZERO)  # wraps below "0", to above 1
    return digit_B.astype(np.int32), (size_B != 1) | (digit_B > 1)


def _integers(
    text: npt.NDArray[np.uint8], start_BI: npt.NDArray[np.int64], size_BI: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    negative_BI = (text[start_BI] == _MINUS) & (size_BI > 0)
    digits_BI = size_BI - negative_BI
    bad_BI = (digits_BI > _INT_DIGITS) | (negative_BI & (digits_BI == 0))
    first_BI = start_BI + negative_BI
    value_BI = np.zeros(start_BI.shape, np.int64)
    for position in range(min(int(digits_BI.max(initial=0)), _INT_DIGITS)):
        here_BI = position < digits_BI
        digit_BI = text[np.where(here_BI, first_BI + position, 0)] - np.uint8(_ZERO)
        bad_BI |= here_BI & (digit_BI > 9)
        value_BI = np.where(here_BI, value_BI * 10 + digit_BI, value_BI)
    value_BI = np.where(negative_BI, -value_BI, value_BI)
    bad_BI |= (value_BI < _INT32.min) | (value_BI > _INT32.max)
    return value_BI.astype(np.int32), bad_BI.any(axis=1)


def _hashes(
    text: npt.NDArray[np.uint8], start_BF: npt.NDArray[np.int64], size_BF: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    bad_BF: npt.NDArray[np.bool_] = size_BF > _HEX_DIGITS
    value_BF: npt.NDArray[np.uint32] = np.zeros(start_BF.shape, np.uint32)
    for position in range(min(int(size_BF.max(initial=0)), _HEX_DIGITS)):
        here_BF = position < size_BF
        digit_BF = _HEX[text[start_BF + position]]
        bad_BF |= here_BF & (digit_BF == _NO_DIGIT)
        value_BF = np.where(here_BF, (value_BF << np.uint32(4)) | digit_BF, value_BF)
    return value_BF, np.logical_or.reduce(bad_BF, axis=1)


def _first_bad_row(block: bytes, rows: range) -> BadRowError:
    lines = block.split(b"\n")
    for row in rows:
        if reason := explain_row(lines[row]):
            return BadRowError(row, reason)
    raise AssertionError("the vectorised parser refused rows that are right, one by one")


def _wanted_instead(index: int, field: bytes) -> str | None:
    """Return what `field` should have been, or None when it is that."""
    if index == LABEL:
        return None if field in (b"0", b"1") else "0 or 1"
    if index <= DENSE_FEATURES:
        digits = field.removeprefix(b"-")
        right = not field or (digits.isdigit() and len(digits) <= _INT_DIGITS)
        right = right and _INT32.min <= int(field or b"0") <= _INT32.max
        return None if right else "a whole number of 32 bits"
    right = len(field) <= _HEX_DIGITS and all(_HEX[byte] != _NO_DIGIT for byte in field)
    return None if right else f"a hexadecimal number of up to {_HEX_DIGITS} digits"


def _shown(field: bytes) -> str:
    text = field.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 40 else text[:37] + "...")
