"""A data job's process: ``python -m pinbench.worker.data.main orders.json``."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from pinbench.base.errors import DataError, ExitCode, PinbenchError
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.data import DataJob

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(argv: Sequence[str]) -> int:
    """Do the job that the file `argv[0]` orders and return the exit code; errors are one line on stderr."""
    for number in _STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        _work(from_jsonable(DataJob, read_json(Path(argv[0]))))
    except PinbenchError as error:
        sys.stderr.write(f"pinbench: {error}\n")
        return error.exit_code
    return ExitCode.PASSED


def _work(job: DataJob) -> None:
    try:
        from pinbench.worker.data.criteo.prepare import prepare
        from pinbench.worker.data.criteo.progress import Progress
    except ModuleNotFoundError as error:
        raise DataError(f"{sys.executable} has no {error.name}; install it there: pip install {error.name}") from error
    prepare(job, Progress())


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave through all `finally` clauses; another signal must not cut their clean-up short."""
    for known in _STOP_SIGNALS:
        signal.signal(known, signal.SIG_IGN)
    sys.stderr.write("pinbench: interrupted; unfinished files are removed\n")
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
