"""Units: the only place where one is converted into another or written with its sign."""

import re
from fractions import Fraction

from pinbench.base.errors import UsageError

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
MS_PER_S = 1_000
S_PER_MIN = 60
S_PER_H = 3_600
KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
MEGA = 10**6
GIGA = 10**9
PERCENT = 100

_BYTE_UNITS = {
    "": 1, "B": 1,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "K": KIB, "M": MIB, "G": GIB, "T": GIB << 10,
    "KIB": KIB, "MIB": MIB, "GIB": GIB, "TIB": GIB << 10,
}  # fmt: skip
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", re.ASCII)


def parse_bytes(text: str) -> int:
    """Return the size that `text` such as ``4GiB``, or ``512M`` means; K, M, G and T alone are binary.

    Raises:
        UsageError: `text` is not a number with a known unit.
    """
    match = _BYTES.fullmatch(text.strip())
    if match is None or match[2].upper() not in _BYTE_UNITS:
        raise UsageError(f"not a size: {text!r}; write it as 512MiB or 4GiB")
    size_bytes = Fraction(match[1]) * _BYTE_UNITS[match[2].upper()]
    if size_bytes.denominator != 1:
        raise UsageError(f"not a whole number of bytes: {text!r}; write it as 512MiB or 4GiB")
    return int(size_bytes)


def format_bytes(size_bytes: float) -> str:
    """Return `size_bytes` with a binary unit, e.g. ``1.5 GiB``."""
    for unit, scale in (("TiB", GIB << 10), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if abs(size_bytes) >= scale:
            return f"{size_bytes / scale:.1f} {unit}"
    return f"{size_bytes:.0f} B"


def round_up(size: int, multiple: int) -> int:
    """Return the least whole multiple of `multiple` that is not below `size`."""
    return -(-size // multiple) * multiple


def ns_to_s(duration_ns: float) -> float:
    """Return nanoseconds as seconds."""
    return duration_ns / NS_PER_S


def ns_to_ms(duration_ns: float) -> float:
    """Return nanoseconds as milliseconds."""
    return duration_ns * MS_PER_S / NS_PER_S


def s_to_ns(duration_s: float) -> int:
    """Return seconds as whole nanoseconds."""
    return round(duration_s * NS_PER_S)
