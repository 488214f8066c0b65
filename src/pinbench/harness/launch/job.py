"""A child process that does one job and is not measured."""

import signal
import subprocess
from collections.abc import Sequence
from types import FrameType

from pinbench.base.errors import LaunchError

_FORWARDED = (signal.SIGINT, signal.SIGTERM)


def run_job(argv: Sequence[str]) -> int:
    """Run `argv` with our stdout and stderr and return its exit code, 128 + n when signal n ended it.

    SIGINT and SIGTERM go to the job, once each time, and we wait until it has cleaned up. A process group of its own
    keeps a terminal's Ctrl-C from reaching the job a second time, in the middle of that.

    Raises:
        LaunchError: the program cannot be started.
    """
    try:
        job = subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, process_group=0)
    except OSError as error:
        raise LaunchError(f"cannot start {argv[0]}: {error.strerror}") from error

    def forward(number: int, frame: FrameType | None) -> None:
        job.send_signal(number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        code = job.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
