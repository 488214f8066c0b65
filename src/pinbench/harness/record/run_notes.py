"""Notes of the calls of ctest.sh that run in a build folder, for ``--status`` and ``--stop``: one file each.

A note says which process it is. Whether that one still runs, only the kernel can say: a process that was killed
cannot take its note back.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, read_json, write_json
from pinbench.harness.host.processes import Process, read_process, still_runs

FOLDER = ".calls"  # in the build root
_TICK_S = 0.02
_KEPT = 20  # notes of calls that are over


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNote:
    """One call of ctest.sh."""

    id: str  # MMDD-HHMMSS, with a number behind it where two began in one second
    host: str
    pid: int
    start_ticks: int
    command: tuple[str, ...]
    folder: str  # where it was typed
    started_at: str
    log: str | None = None  # of one in the background; None: it has a terminal
    code: int | None = None  # None: it goes on, or was killed
    ended_at: str | None = None

    @property
    def process(self) -> Process:
        """The process, as far as it tells this one from others."""
        return Process(pid=self.pid, parent=0, group=0, start_ticks=self.start_ticks)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it runs on another host that has this folder too."""
        return self.host != os.uname().nodename

    @property
    def runs(self) -> bool:
        """Whether it goes on."""
        return self.code is None and not self.is_elsewhere and still_runs(self.process)


def note_run(root: Path, pid: int, command: Sequence[str], log: Path | None) -> RunNote | None:
    """Note that the process `pid` runs `command`; None when it is over already.

    Raises:
        RecordError: the note cannot be written.
    """
    process = read_process(pid)
    if process is None:
        return None
    now = datetime.now(UTC).astimezone()
    note = RunNote(
        id=f"{now:%m%d-%H%M%S}", host=os.uname().nodename, pid=pid, start_ticks=process.start_ticks,
        command=tuple(command), folder=str(Path.cwd()), started_at=now.isoformat(timespec="seconds"),
        log=None if log is None else str(log),
    )  # fmt: skip
    _forget_old(root)
    path, number = _path(root, note.id), 1
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            path = _path(root, f"{note.id}-{number}")
        except OSError as error:
            raise RecordError(f"cannot write {path}: {error.strerror}") from error
        else:
            break
    note = replace(note, id=path.stem)
    write_json(path, note)
    return note


def end_note(root: Path, pid: int, code: int) -> None:
    """Write into the note of process `pid`, this one, that it ends with `code`.

    Raises:
        RecordError: the note cannot be written.
    """
    for note in read_notes(root):
        if note.pid == pid and note.runs:
            ended_at = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
            write_json(_path(root, note.id), replace(note, code=code, ended_at=ended_at))


def await_note(root: Path, pid: int, limit_s: float = 10.0) -> RunNote:
    """Return the note of process `pid`, this one: who started it writes the note a moment later.

    Raises:
        RecordError: nobody has written one.
    """
    give_up = time.monotonic() + limit_s
    while time.monotonic() < give_up:
        for note in read_notes(root):
            if note.pid == pid and note.runs:
                return note
        time.sleep(_TICK_S)
    raise RecordError(f"no note of process {pid} in {root / FOLDER}")


def read_notes(root: Path) -> tuple[RunNote, ...]:
    """Return the notes, oldest first.

    Raises:
        RecordError: one is damaged.
    """
    paths = [path for path in (root / FOLDER).glob("*.json") if path.stat().st_size]  # empty: being written
    notes = [from_jsonable(RunNote, read_json(path), str(path)) for path in paths]
    return tuple(sorted(notes, key=lambda note: (note.started_at, len(note.id), note.id)))


def _forget_old(root: Path) -> None:
    """Remove notes of calls that are over: those of a terminal, and all but the last of the background."""
    over = [note for note in read_notes(root) if not note.runs and not note.is_elsewhere]
    kept = [note for note in over if note.log is not None][-_KEPT:]
    for note in over:
        if note not in kept:
            _path(root, note.id).unlink(missing_ok=True)


def _path(root: Path, name: str) -> Path:
    return root / FOLDER / f"{name}.json"
