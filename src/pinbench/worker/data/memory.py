"""How much memory a process may still take, by the kernel's own account (proc(5), /proc/meminfo; cgroup-v2)."""

import re
from pathlib import Path

from pinbench.base.units import KIB

_ROOT = Path("/")


def available_bytes(root: Path = _ROOT) -> int | None:
    """Return what is free or easily freed, at most what the control group leaves; None where nothing says so."""
    known = [size for size in (_of_host(root), _of_group(root)) if size is not None]
    return min(known, default=None)


def _of_host(root: Path) -> int | None:
    text = _read(root / "proc/meminfo") or ""
    match = re.search(r"^MemAvailable:\s+(\d+) kB$", text, re.MULTILINE)
    return None if match is None else int(match[1]) * KIB


def _of_group(root: Path) -> int | None:
    # As a container sees it: its own group is the root of the tree.
    limit, used = (_read(root / "sys/fs/cgroup" / name) for name in ("memory.max", "memory.current"))
    if limit is None or used is None or not limit.strip().isdigit():
        return None
    return max(0, int(limit) - int(used))


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
