"""``ctest.sh --daemon --nohup --status --stop``: calls that outlive their terminal, and what is known of all calls."""

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pinbench.base.errors import ExitCode, LaunchError, UsageError
from pinbench.harness.host.processes import Process, descendants, read_processes, still_runs
from pinbench.harness.launch.process import start_detached
from pinbench.harness.record.run_notes import RunNote, note_run, read_notes

_TICK_S = 0.1
_PATIENCE_S = 30.0  # a run ends its instances within seconds and writes its record
_KILLED_S = 5.0


def start_in_background(
    argv: Sequence[str], *, environment: Mapping[str, str], typed: Sequence[str], root: Path, log: Path
) -> RunNote:
    """Start `argv` so that it outlives this process, and note it.

    Raises:
        LaunchError: it cannot be started, or ends at once.
    """
    pid = start_detached(argv, env=environment, log=log)
    note = note_run(root, pid, typed, log)
    if note is None:
        raise LaunchError(f"the run ended at once; {log} says why")
    return note


def follow(note: RunNote, root: Path, log: Path, begin: int) -> int:
    """Print what is added to `log` from byte `begin` until the call of `note` is over; return its exit code.

    Ctrl-C ends the printing, not the call.
    """
    try:
        with log.open("rb") as file:
            file.seek(begin)
            while True:
                is_over = not note.runs  # asked before reading: what it wrote last is read then
                sys.stdout.write(file.read().decode("utf-8", errors="replace"))
                sys.stdout.flush()
                if is_over:
                    break
                time.sleep(_TICK_S)
    except KeyboardInterrupt:
        print(f"\nctest.sh: {note.id} goes on; --status shows it, --stop {note.id} ends it")
        return ExitCode.PASSED
    code = next(each.code for each in read_notes(root) if each.id == note.id)
    if code is None:
        raise LaunchError(f"{note.id} was killed: it left no exit code")
    return code


def status_lines(root: Path, count: int) -> list[str]:
    """Return what is known of the calls in the build folder `root`, with the last `count` lines of each log."""
    notes = known(root)
    if not notes:
        return ["nothing runs here, and nothing has run in the background"]
    lines = []
    for note in notes:
        where = "in the foreground" if note.log is None else f"log {note.log}"
        lines.append(f"{note.id}  {_state(note)}  since {note.started_at}  {where}")
        lines.append(f"    {shlex.join(note.command)}")
        if note.log is not None and count:
            lines += [f"    | {line}" for line in _tail(Path(note.log), count)]
    return lines


def known(root: Path) -> list[RunNote]:
    """Return the calls that run, and those of the background that are over."""
    return [note for note in read_notes(root) if note.log is not None or note.runs]


def matching(root: Path, which: str) -> list[RunNote]:
    """Return the calls that run and that `which` names, as `stop` understands it."""
    running = [note for note in read_notes(root) if note.runs]
    exact = [note for note in running if note.id == which]
    return running if which == "all" else exact or [note for note in running if note.id.startswith(which)]


def stop(root: Path, which: str, say: Callable[[str], None]) -> int:
    """End the calls that `which` names: an id or its beginning, ``all``, or nothing for the only one there is.

    Returns:
        0 when they are over.

    Raises:
        UsageError: nothing runs, or `which` leaves it open.
        LaunchError: a call does not end, or belongs to somebody else.
    """
    running = matching(root, "all")
    chosen = matching(root, which)
    ids = ", ".join(note.id for note in running)
    if not chosen:
        raise UsageError(f"--stop: nothing runs here{f' as {which}; there is {ids}' if ids else ''}")
    if len(chosen) > 1 and which != "all":
        raise UsageError(f"--stop: several run here; say which, or all: {ids}")
    for note in chosen:
        _end(note)
        say(f"{note.id} has ended: {shlex.join(note.command)}")
    return ExitCode.PASSED


def _end(note: RunNote) -> None:
    """End the process of `note` as Ctrl-C would, and whatever comes from it.

    The signal goes to that process alone: in the foreground its group may be the user's own script.
    """
    family = [note.process, *descendants(note.pid, read_processes())]
    _signal([note.process], signal.SIGINT)
    if not _await(family, _PATIENCE_S):
        _signal([process for process in family if still_runs(process)], signal.SIGKILL)
        if not _await(family, _KILLED_S):
            raise LaunchError(f"{note.id} (pid {note.pid}) does not end, not by SIGKILL either: it hangs in the kernel")


def _signal(processes: Sequence[Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            raise LaunchError(f"process {process.pid} is somebody else's; its owner may stop it") from error


def _await(processes: Sequence[Process], limit_s: float) -> bool:
    give_up = time.monotonic() + limit_s
    while any(map(still_runs, processes)):
        if time.monotonic() >= give_up:
            return False
        time.sleep(_TICK_S)
    return True


def _state(note: RunNote) -> str:
    if note.is_elsewhere:
        return f"on {note.host}, not known here"
    if note.code is None:
        return f"runs (pid {note.pid})" if note.runs else "was killed"
    return f"ended with {note.code} at {note.ended_at}"


def _tail(path: Path, count: int) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return [f"{path}: {error.strerror}"]
    return text.splitlines()[-count:]
