"""Lists of CPUs (and of NUMA nodes) in the kernel's notation, both ways.

The form is cpuset(7), "List format"; ranges in groups (``0-31:2/4``) are of "cpu lists" in the kernel's
admin-guide/kernel-parameters.
"""

import re
from collections.abc import Iterable

from pinbench.base.errors import HostError

_ITEM = re.compile(r"(?P<first>\d+)(?:-(?P<last>\d+)(?::(?P<used>\d+)/(?P<group>\d+))?)?")


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """Return the CPUs of a kernel list such as ``0-3,8`` or ``0-31:2/4``, ascending; an empty list has none.

    Raises:
        HostError: `text` is not a list in the form of cpuset(7).
    """
    words = text.strip()
    if not words:
        return ()
    cpus = {cpu for item in words.split(",") for cpu in _parse_item(item, words)}
    return tuple(sorted(cpus))


def format_cpu_list(cpus: Iterable[int]) -> str:
    """Return `cpus` in the kernel's notation, e.g. ``0-3,8``; the inverse of `parse_cpu_list`."""
    runs: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _parse_item(item: str, text: str) -> Iterable[int]:
    match = _ITEM.fullmatch(item.strip())
    if match is None:
        raise HostError(f"not a list of CPUs: {text!r} (at {item.strip()!r}); write it as 0-3,8")
    first, last = int(match["first"]), int(match["last"] or match["first"])
    used, group = int(match["used"] or 1), int(match["group"] or 1)
    if last < first or not 0 < used <= group:
        raise HostError(f"not a list of CPUs: {text!r} (the range {item.strip()!r} is empty); write it as 0-3,8")
    return (cpu for cpu in range(first, last + 1) if (cpu - first) % group < used)
