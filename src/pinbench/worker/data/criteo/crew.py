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
    pool = ThreadPoolExecutor(threads)
    futures: list[Future[T]] = []
    try:
        futures.extend(pool.submit(task) for task in tasks)
        wait(futures, return_when=FIRST_EXCEPTION)
    finally:
        if not all(_is_good(future) for future in futures) or len(futures) < len(tasks):
            stop.set()
        pool.shutdown(cancel_futures=True)
    errors = [error for future in futures if not future.cancelled() and (error := future.exception())]
    # Those that were stopped were so for the sake of another.
    for error in sorted(errors, key=lambda error: isinstance(error, StoppedError)):
        raise error
    return [future.result() for future in futures]


def _is_good(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
