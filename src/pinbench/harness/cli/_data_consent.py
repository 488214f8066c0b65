"""Whether a licence has been accepted: by a flag, the environment, an answer of now, or one of an earlier time."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from pinbench.base.errors import RecordError, UsageError
from pinbench.base.jsonio import read_json, write_json
from pinbench.harness.cli._data_licenses import LICENSES, License, notice

VARIABLE = "PINBENCH_ACCEPT_LICENSE"
_ANSWER = "yes"


def require_consent(
    terms: License,
    *,
    accepts: bool,
    environment: Mapping[str, str],
    answers: TextIO | None = None,
    shown: TextIO | None = None,
) -> None:
    """Return when the licence is accepted; on a terminal ask, and remember a yes for this user.

    Args:
        terms: what is to be accepted; it is shown unless the environment or an earlier answer accepts it.
        accepts: whether the command line says so, for this command alone.
        environment: of this process; `VARIABLE` lists licences that are accepted for this command alone.
        answers: where an answer comes from; by default stdin.
        shown: where the licence is shown; by default stderr.

    Raises:
        UsageError: it is not accepted; names the flag.
    """
    answers, shown = answers or sys.stdin, shown or sys.stderr
    if terms.id in _listed(environment) or _remembered(terms, environment):
        return
    shown.write(notice(terms))
    if accepts:
        return
    if answers.isatty() and shown.isatty() and _agrees(answers, shown):
        _remember(terms, environment, shown)
        return
    raise UsageError(
        f"the licence {terms.id} is not accepted; accept it with --accept-license, or for scripts with "
        f"{VARIABLE}={terms.id}"
    )


def memory_file(environment: Mapping[str, str]) -> Path:
    """Return where answers are kept (XDG Base Directory Specification: state that should persist, not portable)."""
    state = environment.get("XDG_STATE_HOME") or ""
    # "All paths must be absolute"; the specification has relative ones ignored.
    home = Path(environment.get("HOME") or Path.home())
    folder = Path(state) if Path(state).is_absolute() else home / ".local" / "state"
    return folder / "pinbench" / "accepted-licenses.json"


def _listed(environment: Mapping[str, str]) -> set[str]:
    listed = {word.strip() for word in environment.get(VARIABLE, "").split(",")} - {""}
    if unknown := sorted(listed - set(LICENSES)):
        raise UsageError(f"{VARIABLE}: no licence named {unknown[0]!r}; there are: {', '.join(LICENSES)}")
    return listed


def _remembered(terms: License, environment: Mapping[str, str]) -> bool:
    return terms.id in _read(memory_file(environment))


def _read(file: Path) -> dict[str, str]:
    """Return what was accepted, with the time; a file that cannot be read or is damaged tells of nothing."""
    if not file.is_file():
        return {}
    try:
        kept = read_json(file)
    except RecordError:
        return {}  # to ask once more does no harm
    return kept if isinstance(kept, dict) else {}


def _agrees(answers: TextIO, shown: TextIO) -> bool:
    shown.write(f"do you accept it? type {_ANSWER} and Enter, anything else to stop: ")
    shown.flush()
    return answers.readline().strip().lower() == _ANSWER


def _remember(terms: License, environment: Mapping[str, str], shown: TextIO) -> None:
    file = memory_file(environment)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {**_read(file), terms.id: now})
    except (OSError, RecordError) as error:
        shown.write(f"pinbench: the answer cannot be kept, so it will be asked again: {error}\n")
    else:
        shown.write(f"pinbench: accepted and kept in {file}\n")
