"""A data job's process: ``python -m pinbench.worker.data.main orders.json``."""

import errno
import importlib
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from pinbench.base.errors import DataError, ExitCode, PinbenchError
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.data import DescribeJob, DownloadJob, PrepareJob, SynthesizeJob

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_OUR_PACKAGE = "pinbench"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MAKE_ROOM = "make room and run the command again"
_AFTER_PIPE = "what came through the pipe has to come again"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """A function of a module that is imported when it is asked for: each needs other packages."""

    kind: type
    module: str
    function: str
    has_progress: bool
    after_stop: str  # what a stop in the middle leaves


_COMMANDS = {
    "prepare": _Command(
        kind=PrepareJob, module="pinbench.worker.data.criteo.prepare", function="prepare", has_progress=True,
        after_stop="the same command goes on from here",
    ),
    "synthesize": _Command(
        kind=SynthesizeJob, module="pinbench.worker.data.criteo.synthesize", function="synthesize", has_progress=True,
        after_stop="no half-written file has its name",
    ),
    "describe": _Command(
        kind=DescribeJob, module="pinbench.worker.data.criteo.describe", function="describe", has_progress=False,
        after_stop="nothing was changed",
    ),
    "download": _Command(
        kind=DownloadJob, module="pinbench.worker.data.download", function="download", has_progress=False,
        after_stop="the same command goes on from here",
    ),
}  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Do the job that the file `argv[0]` orders and return the exit code; errors are one line on stderr."""
    try:
        orders = read_json(Path(argv[0]))
        command = _COMMANDS[orders["command"]]
        for number in _STOP_SIGNALS:
            signal.signal(number, _stopper(_AFTER_PIPE if _reads_pipe(orders["job"]) else command.after_stop))
        _work(command, from_jsonable(command.kind, orders["job"], "job"))
    except PinbenchError as error:
        sys.stderr.write(f"pinbench: {error}{_way_out(error)}\n")
        return error.exit_code
    except OSError as error:
        if error.errno not in _FULL:
            raise
        # What numba keeps of compiled code, or another file that is no part of a data set.
        sys.stderr.write(f"pinbench: cannot write {error.filename or 'a file'}: {error.strerror}; {_MAKE_ROOM}\n")
        return ExitCode.FAILED
    return ExitCode.PASSED


def _way_out(error: PinbenchError) -> str:
    """Return what to do where a full disk is all that is wrong, unless the message says it already."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__
    is_full = cause is not None and cause.errno in _FULL
    return f"; {_MAKE_ROOM}" if is_full and "make room" not in str(error) else ""


def _reads_pipe(job: Mapping[str, Any]) -> bool:
    return "-" in job.get("inputs", ())


def _work(command: _Command, job: Any) -> None:
    function = getattr(_load(command.module), command.function)
    if not command.has_progress:
        function(job)
        return
    function(job, _load("pinbench.worker.data.criteo.progress").Progress())


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == _OUR_PACKAGE:
            raise
        raise DataError(f"{sys.executable} has no {error.name}; install it there: pip install {error.name}") from error


def _stopper(after_stop: str) -> Callable[[int, FrameType | None], None]:
    def stop(number: int, frame: FrameType | None) -> None:
        """Leave through all `finally` clauses; another signal must not cut their clean-up short."""
        for known in _STOP_SIGNALS:
            signal.signal(known, signal.SIG_IGN)
        sys.stderr.write(f"pinbench: interrupted; {after_stop}\n")
        raise SystemExit(128 + number)

    return stop


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
