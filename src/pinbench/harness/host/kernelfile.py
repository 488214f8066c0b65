"""Small files of /sys and /proc: their text, or None where the kernel does not offer it."""

import re
from pathlib import Path

from pinbench.base.units import KIB

_KB_LINE = re.compile(r"(?:Node \d+ )?(?P<name>[^:]+):\s+(?P<kib>\d+) kB")


def read_text(path: Path) -> str | None:
    """Return the stripped text of `path`, or None.

    A file that exists may still refuse: EINVAL for an offline CPU, EACCES in a locked-down container, ENODEV
    for hardware that is absent. To a reader all of these mean that the kernel does not say.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    """Return the decimal number in `path`, or None when it is absent or something else."""
    text = read_text(path)
    return int(text) if text is not None and re.fullmatch(r"[+-]?\d+", text) else None


def read_kb_table(path: Path) -> dict[str, int] | None:
    """Return the lines ``Name: 123 kB`` of a meminfo file in bytes (proc_meminfo(5): "kB" is KiB), or None."""
    text = read_text(path)
    if text is None:
        return None
    matches = (_KB_LINE.fullmatch(line.strip()) for line in text.splitlines())
    return {match["name"]: int(match["kib"]) * KIB for match in matches if match}
