"""Threads that do many tasks side by side and all stop at the first error, or when the main thread is interrupted."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


class StoppedError(Exception):
    """The work ends here because other work failed; never the reason that a user sees."""


class Stop:
    """What tasks ask now and then whether they should go on."""

    def __init__(self) -> None:
        self._is_set = threading.Event()

    def set(self) -> None:
        """Let all tasks end at their next `check`."""
        self._is_set.set()

    def check(self) -> None:
        """Go on.

        Raises:
            StoppedError: there is no point in it.
        """
        if self._is_set.is_set():
            raise StoppedError


def run_all(tasks: Sequence[Callable[[], T]], threads: int, stop: Stop) -> list[T]:
    """Return what `tasks` return, in their order; they begin in it, `threads` of them at a time.

    Whatever ends this, an error of a task or a signal in this thread: `stop` is set, tasks that did not begin never do,
    and none is at work any more.

    Raises:
        Exception: the first error of a task.
    """
    gate = _Gate(stop)
    pool = ThreadPoolExecutor(threads)
    futures: list[Future[T]] = []
    is_good = False
    try:
        futures.extend(pool.submit(gate.pass_through, task) for task in tasks)
        is_good = not any(future.exception() for future in wait(futures, return_when=FIRST_EXCEPTION).done)
    finally:
        if not is_good:
            gate.close()
        pool.shutdown(cancel_futures=True)
        gate.wait()
    errors = [error for future in futures if not future.cancelled() and (error := future.exception())]
    # Those that were stopped were so for the sake of another.
    for error in sorted(errors, key=lambda error: isinstance(error, StoppedError)):
        raise error
    return [future.result() for future in futures]


class _Gate:
    """Counts the tasks at work: a pool that is interrupted while it starts a thread forgets that one."""

    def __init__(self, stop: Stop):
        self._stop = stop
        self._at_work = 0
        self._changed = threading.Condition()

    def pass_through(self, task: Callable[[], T]) -> T:
        """Do `task`, unless the gate is closed."""
        with self._changed:
            self._stop.check()
            self._at_work += 1
        try:
            return task()
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Let no task begin any more."""
        with self._changed:
            self._stop.set()

    def wait(self) -> None:
        """Wait until no task is at work."""
        with self._changed:
            self._changed.wait_for(lambda: self._at_work == 0)
