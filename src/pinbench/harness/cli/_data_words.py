"""The words of ``pinbench data`` that are numbers, lists or sizes, each refused with its option and the way out."""

import os
import re
from pathlib import Path

from pinbench.base.errors import DataError, UsageError
from pinbench.base.units import format_bytes, parse_bytes

SEED_LIMIT = 1 << 32  # numpy's RandomState, which the reference's shuffle draws from, takes 32 bits
_RANGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*", re.ASCII)


def whole_number(option: str, text: str, least: int, most: int | None = None) -> int:
    """Return the number that `text` is.

    Raises:
        UsageError: it is none, or out of bounds.
    """
    number = int(text) if re.fullmatch(r"-?\d+", text, re.ASCII) else None
    if number is None or number < least or (most is not None and number > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise UsageError(f"{option} must be a whole number {bounds}, got {text!r}")
    return number


def optional_number(option: str, text: str | None, least: int, most: int | None = None) -> int | None:
    """Return the number that `text` is, None for None.

    Raises:
        UsageError: it is none, or out of bounds.
    """
    return None if text is None else whole_number(option, text, least, most)


def memory_size(option: str, text: str, least_bytes: int) -> int:
    """Return the size that `text` such as ``4GiB`` means.

    Raises:
        UsageError: it is no size, or less than `least_bytes`.
    """
    try:
        size_bytes = parse_bytes(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error
    if size_bytes < least_bytes:
        raise UsageError(f"{option} must be at least {format_bytes(least_bytes)}, got {text}")
    return size_bytes


def number_list(option: str, text: str, most: int) -> tuple[int, ...]:
    """Return the numbers of a list such as ``0-3,7``, ascending, none twice.

    Raises:
        UsageError: it is no such list, a range is empty, or a number is above `most`.
    """
    if not _RANGES.fullmatch(text):
        raise UsageError(f"{option} must be numbers and ranges such as 0-3,7, got {text!r}")
    numbers: set[int] = set()
    for item in text.split(","):
        first, _, last = item.partition("-")
        begin, end = int(first), int(last or first)
        if not begin <= end <= most:
            raise UsageError(f"{option}: {item} is no range from 0 to {most}")
        numbers.update(range(begin, end + 1))
    return tuple(sorted(numbers))


def table_sizes(option: str, text: str, tables: int) -> tuple[int, ...]:
    """Return the sizes of `tables` tables, which `text` joins by dashes.

    Raises:
        UsageError: it has another number of them, or one is no number of at least 1.
    """
    words = text.split("-")
    if len(words) != tables:
        raise UsageError(f"{option} must be {tables} numbers joined by dashes, got {len(words)}: {text!r}")
    return tuple(whole_number(option, word, 1, SEED_LIMIT) for word in words)


def threads_here(option: str, text: str | None) -> int:
    """Return the number of threads: `text`, by default the CPUs of the affinity mask.

    Raises:
        UsageError: it is no number of at least 1.
    """
    return len(os.sched_getaffinity(0)) if text is None else whole_number(option, text, 1)


def output_folder(text: str) -> str:
    """Return `text`, a folder that is there or can be made.

    Raises:
        DataError: something else is there, or it cannot be looked at.
    """
    try:
        place = next(path for path in (Path(text), *Path(text).absolute().parents) if path.exists())
    except OSError as error:
        raise DataError(f"cannot write {text}: {error.strerror}; choose another --output") from error
    if not place.is_dir():
        raise DataError(f"cannot write {text}: {place} is not a directory; choose another --output")
    return text
