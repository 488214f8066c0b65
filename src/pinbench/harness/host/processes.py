"""The processes of this host, as /proc/PID/stat shows them: proc_pid_stat(5)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

_DEAD = frozenset("ZX")  # it has ended; a zombie only waits for its parent to ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that runs. `start_ticks` (clock ticks after boot) tells it from a later one with its number."""

    pid: int
    parent: int
    group: int
    start_ticks: int


def read_process(pid: int, root: Path = Path("/")) -> Process | None:
    """Return the process `pid`, or None when it has ended."""
    try:
        text = (root / "proc" / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in brackets may hold spaces and brackets: count from the last one. Fields 3, 4, 5 and 22.
    fields = text[text.rindex(")") + 1 :].split()
    if fields[0] in _DEAD:
        return None
    return Process(pid=pid, parent=int(fields[1]), group=int(fields[2]), start_ticks=int(fields[19]))


def read_processes(root: Path = Path("/")) -> tuple[Process, ...]:
    """Return the processes that run."""
    numbers = (int(path.name) for path in (root / "proc").iterdir() if path.name.isdecimal())
    found = (read_process(pid, root) for pid in numbers)
    return tuple(process for process in found if process is not None)


def descendants(pid: int, processes: Iterable[Process]) -> tuple[Process, ...]:
    """Return those of `processes` that come from `pid`, whatever their groups and sessions; without itself."""
    remaining, found = list(processes), []
    parents: Collection[int] = {pid}
    while parents:
        children = [process for process in remaining if process.parent in parents]
        found += children
        parents = {process.pid for process in children}
        remaining = [process for process in remaining if process.pid not in parents]
    return tuple(found)


def still_runs(process: Process) -> bool:
    """Return whether that very process runs, not a later one with its number."""
    now = read_process(process.pid)
    return now is not None and now.start_ticks == process.start_ticks
