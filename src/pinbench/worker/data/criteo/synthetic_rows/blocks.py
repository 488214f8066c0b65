"""Blocks of work done by several threads, handed over in their order, with few of them in memory at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2  # blocks that may lie finished while the first is still at work, so that no thread waits


def in_order(work: Callable[[T], R], orders: Iterable[T], threads: int) -> Iterator[R]:
    """Yield ``work(order)`` for each of `orders`, done by `threads` threads."""
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for order in orders:
                pending.append(pool.submit(work, order))
                if len(pending) >= threads + _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
