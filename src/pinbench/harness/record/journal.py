"""What became of each case of one call of ctest.sh, line by line as it happens, so that the rest can be made up later.

A call of ctest.sh with loops, bursts or a sweep is a row of *turns*. Each run of a case in a turn appends its line,
and ctest.sh appends one when the turn is over; an interrupted run leaves none. Lines are JSON.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import ExitCode, RecordError
from pinbench.base.jsonio import from_jsonable, to_jsonable

FOLDER = ".journals"  # in the build root
_GOOD = (int(ExitCode.PASSED), int(ExitCode.SKIPPED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The end of a case, or of a whole turn: `case` and `logs` are None then."""

    turn: str
    case: str | None
    code: int
    logs: str | None = None  # the log directory; None: no log was written


def append(path: Path, line: Line) -> None:
    """Add `line` to the journal `path`.

    Raises:
        RecordError: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:  # one write of O_APPEND: runs at once do not mix their lines
            file.write(json.dumps(to_jsonable(line)) + "\n")
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror}") from error


def read_journal(path: Path) -> tuple[Line, ...]:
    """Return the lines of the journal `path`.

    Raises:
        RecordError: it cannot be read, or is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    # A line without its end was torn by a full disk or a crash: that run counts as not over.
    return tuple(_line(path, number, line) for number, line in enumerate(text.split("\n")[:-1], 1) if line)


def start_journal(root: Path, identity: str, started: str) -> Path:
    """Return a new, empty journal in `root` for work that `identity` tells from other work.

    Raises:
        RecordError: the file cannot be made.
    """
    folder = root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{started}-{identity}.jsonl"
        path.touch()
    except OSError as error:
        raise RecordError(f"cannot write {folder}: {error.strerror}") from error
    return path


def reopen_journal(path: Path) -> tuple[Line, ...]:
    """Return the lines of `path` and cut off what a crash left of another one, so that lines can be added.

    Raises:
        RecordError: it cannot be read or written, or is damaged.
    """
    lines = read_journal(path)
    try:
        whole = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(whole.rfind(b"\n") + 1)
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror}") from error
    return lines


def latest_journal(root: Path, identity: str) -> Path | None:
    """Return the newest journal of the work `identity`, or None."""
    found = [(path.stat().st_mtime_ns, path) for path in (root / FOLDER).glob(f"*-{identity}.jsonl")]
    return max(found)[1] if found else None


def is_done(lines: Sequence[Line], turn: str) -> bool:
    """Return whether `turn` came to its end and nothing in it failed."""
    ends = [line.code for line in lines if line.turn == turn and line.case is None]
    return bool(ends) and ends[-1] == 0


def good_cases(lines: Sequence[Line], turn: str) -> set[str]:
    """Return the cases that passed or were skipped when they last ran in `turn`."""
    last = {line.case: line.code for line in lines if line.turn == turn and line.case is not None}
    return {case for case, code in last.items() if code in _GOOD}


def log_directories(lines: Sequence[Line], turns: Collection[str] | None = None) -> tuple[Path, ...]:
    """Return the log directories of the last run of each case in each turn (of `turns`; None: of all)."""
    last = {
        (line.turn, line.case): line.logs
        for line in lines
        if line.case is not None and (turns is None or line.turn in turns)
    }
    return tuple(Path(logs) for logs in last.values() if logs is not None)


def _line(path: Path, number: int, text: str) -> Line:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordError(f"{path}, line {number} is damaged: {error.msg}; move the file away") from error
    return from_jsonable(Line, data, f"{path}, line {number}")
