"""What is wrong with a line of a raw Criteo file, said in words.

The slow and plain twin of `tsv_kernel`, which only knows that a row is wrong. Meaning as in facebookresearch/dlrm,
data_utils.py:1001-1023: tab-separated, integers are decimal and may be negative, categories are hexadecimal.
"""

from pinbench.worker.data.criteo.schema import DENSE_FEATURES, FIELDS, LABEL, field_name

_HEX_DIGITS = 8
_INT_DIGITS = 10  # of 2147483647
_LARGEST_INT = (1 << 31) - 1  # the 32-bit integer below -_LARGEST_INT stands for a missing field
_SHOWN_BYTES = 40
_HEX_BYTES = frozenset(b"0123456789abcdefABCDEF")


class BadRowError(ValueError):
    """A row is not Criteo TSV: `row` counts from 0 within the block, the message says why."""

    def __init__(self, row: int, reason: str):
        super().__init__(reason)
        self.row = row


def explain_row(line: bytes) -> str | None:
    """Return what is wrong with `line` (without its newline), or None when it is a row."""
    fields = line.removesuffix(b"\r").split(b"\t")
    if len(fields) != FIELDS:
        hint = "; rows without a label cannot be used" if len(fields) == FIELDS - 1 else ""
        return f"{len(fields)} tab-separated fields instead of {FIELDS}{hint}"
    for index, field in enumerate(fields):
        if wanted := _wanted_instead(index, field):
            return f"field {index + 1} ({field_name(index)}) is {_shown(field)}, not {wanted}"
    return None


def _wanted_instead(index: int, field: bytes) -> str | None:
    """Return what `field` should have been, or None when it is that."""
    if index == LABEL:
        return None if field in (b"0", b"1") else "0 or 1"
    if index <= DENSE_FEATURES:
        digits = field.removeprefix(b"-")
        right = not field or (digits.isdigit() and len(digits) <= _INT_DIGITS)
        right = right and abs(int(field or b"0")) <= _LARGEST_INT
        return None if right else f"a whole number from -{_LARGEST_INT} to {_LARGEST_INT}"
    right = len(field) <= _HEX_DIGITS and _HEX_BYTES.issuperset(field)
    return None if right else f"a hexadecimal number of up to {_HEX_DIGITS} digits"


def _shown(field: bytes) -> str:
    text = field[:_SHOWN_BYTES].decode("utf-8", "backslashreplace")
    return repr(text if len(field) <= _SHOWN_BYTES else text[:-3] + "...")
