"""The same function on many things in several threads; the first error, or a signal, ends it soon."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def each(
    function: Callable[[T], R],
    items: Sequence[T],
    threads: int,
    done: Callable[[T], None] = lambda item: None,
    stop: Event | None = None,
) -> dict[int, R]:
    """Call `function` on each of `items`, in their order as far as threads go; return the results by position.

    `done` is called with each finished item, in this thread. When one fails, no further one is begun, and those that
    last long end themselves when they see `stop` set.
    """
    pool = ThreadPoolExecutor(threads)
    results = {}
    try:
        futures = {pool.submit(function, item): index for index, item in enumerate(items)}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            done(items[futures[future]])
    finally:
        if stop is not None:
            stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return results
