"""Buffers that threads fill ahead of the one who uses them, in order.

The threads run on CPUs that the caller names, so what they touch first comes to lie on the memory nodes of these, and
they inherit the memory policy of the thread that starts them (set_mempolicy(2)).
"""

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Buffers with the content 0, 1, 2, ..., without end.

    There are only as many contents ahead as there are buffers: each is filled anew when its user takes the next one.
    """

    def __init__(
        self, buffers: Sequence[T], fill: Callable[[T, int], None], *, threads: int, cpus: Collection[int]
    ) -> None:
        """Begin to fill `buffers`: `fill` puts the content of a number into one, from any of `threads` threads."""
        self.wait_ns = 0  # that users of `buffers` waited so far
        self.waits = 0  # how often
        self._fill = fill
        self._pool = ThreadPoolExecutor(
            threads, thread_name_prefix="prefetch", initializer=lambda: os.sched_setaffinity(0, cpus)
        )
        self._pending: deque[tuple[T, Future[None]]] = deque()
        for number, buffer in enumerate(buffers):
            self._order(buffer, number)

    def buffers(self) -> Iterator[T]:
        """Yield the filled buffers; one that was yielded is filled anew when the next one is asked for.

        Raises:
            Exception: what `fill` raised, when it is the turn of that buffer.
        """
        for number in count(len(self._pending)):
            buffer, filled = self._pending.popleft()
            self._wait(filled)
            yield buffer
            self._order(buffer, number)

    def close(self) -> None:
        """End the threads; returns when none is left."""
        self._pool.shutdown(cancel_futures=True)

    def _order(self, buffer: T, number: int) -> None:
        self._pending.append((buffer, self._pool.submit(self._fill, buffer, number)))

    def _wait(self, filled: Future[None]) -> None:
        if not filled.done():
            begin_ns = time.monotonic_ns()
            wait([filled])
            self.wait_ns += time.monotonic_ns() - begin_ns
            self.waits += 1
        filled.result()
