"""Programs that run beside each other to their ends: the ctests of a burst. One alone has our output."""

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from pinbench.harness.host.processes import read_processes
from pinbench.harness.launch.process import Job, start_job

_TICK_S = 0.05
_CHUNK_BYTES = 65_536
_CLEANING_UP_S = 30.0  # of what an ended job leaves in its group: a run ends its instances and writes its record
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """What to start. Where there are several, `name` stands in front of each line that it says."""

    argv: Sequence[str]
    env: Mapping[str, str]
    name: str = ""


def run_jobs(orders: Sequence[JobOrder], say: Callable[[str], None]) -> list[int]:
    """Run all `orders` at the same time and return their exit codes, 128 + n where signal n ended one.

    SIGINT, SIGTERM and SIGHUP go on to each job, and we wait until they have cleaned up. When we die, they end too.

    Args:
        orders: one has our stdout and stderr; several are heard by `say`.
        say: gets each line.

    Raises:
        LaunchError: a program cannot be started; those that have been are ended.
    """
    jobs: list[Job] = []
    with _forwarding(jobs):
        try:
            # One by one: those that have been started must be known if the next cannot be.
            jobs.extend(start_job(order.argv, env=order.env, captured=len(orders) > 1) for order in orders)
        except BaseException:
            for job in jobs:
                job.send(signal.SIGTERM)
            raise
        finally:
            _listen([(order.name, job) for order, job in zip(orders, jobs, strict=False)], say)
            codes = [_code(job) for job in jobs]
            for job in jobs:
                _await_group(job.pid)
    return codes


@contextmanager
def _forwarding(jobs: Sequence[Job]) -> Iterator[None]:
    """Hand signals on while entered; one that was ignored before (nohup) stays ignored."""

    def forward(number: int, frame: FrameType | None) -> None:
        for job in jobs:
            job.send(signal.Signals(number))

    wanted = [number for number in _FORWARDED if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, forward) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(jobs: Sequence[tuple[str, Job]], say: Callable[[str], None]) -> None:
    """Say the lines of all `jobs` that are captured until the last of them has closed its end."""
    with selectors.DefaultSelector() as selector:
        rests: dict[str, bytes] = {}
        for name, job in jobs:
            if job.output is not None:
                selector.register(job.output, selectors.EVENT_READ, name)
                rests[name] = b""
        while selector.get_map():
            for key, _ in selector.select():
                data = os.read(key.fd, _CHUNK_BYTES)
                *lines, rests[key.data] = (rests[key.data] + data).split(b"\n")
                if not data:
                    selector.unregister(key.fileobj)
                    os.close(key.fd)
                    lines = [rests[key.data]] if rests[key.data] else []
                for line in lines:
                    say(f"{key.data}: {line.decode('utf-8', errors='replace')}")


def _code(job: Job) -> int:
    while (code := job.code()) is None:
        time.sleep(_TICK_S)
    return code


def _await_group(group: int) -> None:
    give_up = time.monotonic() + _CLEANING_UP_S
    while any(process.group == group for process in read_processes()) and time.monotonic() < give_up:
        time.sleep(_TICK_S)
