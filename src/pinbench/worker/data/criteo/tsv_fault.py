"""What is wrong with a line of a raw Criteo file, said in words.

The slow and plain twin of `tsv_kernel`, which only knows that a row is wrong. Meaning as in facebookresearch/dlrm,
data_utils.py:1001-1023: tab-separated, integers are decimal and may be negative, categories are hexadecimal.
"""

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, FIELDS, LABEL, field_name

_HEX_DIGITS = 8
_INT_DIGITS = 10  # of 2147483647
_LARGEST_INT = (1 << 31) - 1  # the 32-bit integer below -_LARGEST_INT stands for a missing field
_SHOWN_BYTES = 40
_HEX_BYTES = frozenset(b"0123456789abcdefABCDEF")


def row_error(name: str, number: int, reason: str) -> DataError:
    """Return the error that line `number`, from 1, of the file `name` is no row for this `reason`."""
    return DataError(f"{name}, line {number}: {reason}; correct or remove the line, or fetch the file again")


def explain_row(line: bytes) -> str | None:
    """Return what is wrong with `line` (without its newline), or None when it is a row."""
    text = line.removesuffix(b"\r")
    if not text:
        return "the line is empty"
    fields = text.split(b"\t")
    if len(fields) != FIELDS:
        noun = "field" if len(fields) == 1 else "fields"
        hint = " (rows without a label cannot be used)" if len(fields) == FIELDS - 1 else ""
        return f"{len(fields)} tab-separated {noun} instead of {FIELDS}{hint}"
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
