"""Lists of CPUs or nodes as the kernel writes them, both ways; parent and child both speak it."""

import re
from collections.abc import Iterable

from pinbench.base.errors import HostError

# cpuset(7), "List format", and the stride of Documentation/core-api/kernel-api (bitmap_parselist): a-b:used/group
_RANGE = re.compile(r"(\d+)(?:-(\d+)(?::(\d+)/(\d+))?)?")


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """Return the numbers of a kernel list such as ``0-3,8``, ascending; an empty text is an empty list.

    Raises:
        HostError: `text` is not a list in the form of cpuset(7).
    """
    numbers: set[int] = set()
    for part in text.strip().split(",") if text.strip() else []:
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise HostError(f"not a CPU list: {text.strip()!r}; expected the kernel's form, as in 0-3,8")
        first, last = int(match[1]), int(match[2] or match[1])
        used, group = int(match[3] or 1), int(match[4] or 1)
        if last < first or not 0 < used <= group:
            raise HostError(f"not a CPU list: {text.strip()!r}; {part.strip()!r} is no ascending range")
        numbers.update(number for number in range(first, last + 1) if (number - first) % group < used)
    return tuple(sorted(numbers))


def format_cpu_list(numbers: Iterable[int]) -> str:
    """Return `numbers` as the kernel writes them, e.g. ``0-3,8``; the inverse of `parse_cpu_list`."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and parts[-1][-1] == number - 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)
