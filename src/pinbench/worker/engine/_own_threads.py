"""Engines with a thread pool of their own: on which CPUs it comes to lie, and how many threads it has."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def allowed_on(cpus: tuple[int, ...]) -> Iterator[None]:
    """Let this thread run on all of `cpus` meanwhile, so that a runtime that looks at its mask sees them.

    PyTorch's OpenMP runtime may have bound this thread to its one CPU, and new threads inherit that.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def count_threads() -> int:
    """Return how many threads this process has."""
    return sum(1 for _ in _TASKS.iterdir())
