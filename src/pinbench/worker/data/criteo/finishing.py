"""Shards that are numbered and written while the next one is parsed."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager


class Finishing:
    """Does jobs one after the other, in a thread of its own if it has one."""

    def __init__(self, pool: ThreadPoolExecutor | None):
        self._pool = pool
        self._last: Future[None] | None = None

    def do(self, job: Callable[[], None]) -> None:
        """Do `job` when the one before is done; return at once, or when it is done without a thread.

        Raises:
            Exception: what the job before raised, or this one without a thread.
        """
        self.wait()
        if self._pool is None:
            job()
        else:
            self._last = self._pool.submit(job)

    def wait(self) -> None:
        """Wait for the last job; raises what it raised."""
        if self._last is not None:
            self._last.result()


@contextmanager
def finishing(*, beside: bool) -> Iterator[Finishing]:
    """Yield a place for jobs, done when this ends; `beside` the caller, in a thread.

    Raises:
        Exception: what the last job raised.
    """
    if not beside:
        yield Finishing(None)
        return
    with ThreadPoolExecutor(1) as pool:
        place = Finishing(pool)
        yield place
        place.wait()
