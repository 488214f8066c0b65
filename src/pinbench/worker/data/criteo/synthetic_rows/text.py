"""Rows as the text of a raw Criteo file: fields apart by tabs, hashes of eight digits, empty fields empty.

B rows, I integers, F categories.
"""

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, SPARSE_FEATURES
from pinbench.worker.data.criteo.synthetic_rows.draw import DrawnRows

ROW_TEXT_BYTES = 2 + DENSE_FEATURES * len("\t-2147483647") + SPARSE_FEATURES * len("\tffffffff")  # at most

_TAB, _NEWLINE, _MINUS, _ZERO = (np.uint8(byte) for byte in b"\t\n-0")
_HEX_PAIRS = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint8).copy()
_MISSING = np.int32(MISSING)
_TEN = np.uint32(10)


def write_text(rows: DrawnRows, text: npt.NDArray[np.uint8]) -> int:
    """Write `rows` to the beginning of `text`, which has ROW_TEXT_BYTES for each, and return how many bytes that is."""
    return int(_write(rows.label_B, rows.dense_IB, rows.hash_FB, rows.missing_B, _HEX_PAIRS, text))


@compiled
def _write(
    label_B: npt.NDArray[np.uint8],
    dense_IB: npt.NDArray[np.int32],
    hash_FB: npt.NDArray[np.uint32],
    missing_B: npt.NDArray[np.uint32],
    hex_pairs: npt.NDArray[np.uint8],
    text: npt.NDArray[np.uint8],
) -> int:
    end = 0
    for row in range(len(label_B)):
        text[end] = _ZERO + label_B[row]
        end += 1
        for index in range(len(dense_IB)):
            text[end] = _TAB
            end += 1
            if dense_IB[index, row] != _MISSING:
                end = _write_integer(dense_IB[index, row], text, end)
        for index in range(len(hash_FB)):
            text[end] = _TAB
            end += 1
            if not (missing_B[row] >> np.uint32(index)) & np.uint32(1):
                _write_hash(hash_FB[index, row], hex_pairs, text, end)
                end += 8
        text[end] = _NEWLINE
        end += 1
    return end


@compiled
def _write_hash(value: np.uint32, hex_pairs: npt.NDArray[np.uint8], text: npt.NDArray[np.uint8], begin: int) -> None:
    for place in range(4):
        pair = 2 * ((value >> np.uint32(24 - 8 * place)) & np.uint32(0xFF))
        text[begin + 2 * place] = hex_pairs[pair]
        text[begin + 2 * place + 1] = hex_pairs[pair + 1]


@compiled
def _write_integer(value: np.int32, text: npt.NDArray[np.uint8], end: int) -> int:
    if value < 0:
        text[end] = _MINUS
        end += 1
    rest = np.uint32(abs(np.int64(value)))
    digits = 1
    above = rest // _TEN
    while above > 0:
        digits += 1
        above = above // _TEN
    for place in range(end + digits - 1, end - 1, -1):
        text[place] = _ZERO + np.uint8(rest % _TEN)
        rest = rest // _TEN
    return end + digits
