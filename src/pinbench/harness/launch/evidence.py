"""What may explain a death: the kernel's out-of-memory killer, and the last words of the instance."""

import re
from pathlib import Path

_TAIL_BYTES = 4096
_TAIL_LINES = 3


def count_oom_kills(proc: Path = Path("/proc")) -> int | None:
    """Return how many processes the out-of-memory killer has ended since boot, in any cgroup.

    ``oom_kill`` in /proc/vmstat, since Linux 4.13 (counted by __oom_kill_process() for global and for cgroup
    limits alike). None: the kernel does not say.
    """
    try:
        match = re.search(r"^oom_kill (\d+)$", (proc / "vmstat").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(match[1]) if match else None


def oom_evidence(before: int | None, after: int | None) -> str | None:
    """Return the words that say that memory ran out, only when the kernel counted it."""
    if before is None or after is None or after <= before:
        return None
    return f"likely out of memory (oom_kill in /proc/vmstat rose from {before} to {after} meanwhile)"


def last_lines(log: Path) -> str | None:
    """Return the last lines of `log` that are not blank, on one line; None when there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_TAIL_LINES:]) or None
