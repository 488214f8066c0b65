"""Which of several ways to compute the same thing is fastest here: a short trial before the run, never inside it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pinbench.base.units import NS_PER_S, ns_to_s

_LEAST_ROUNDS = 5


def best_seconds(calls: Mapping[str, Callable[[], Any]], duration_s: float = 0.2) -> dict[str, float]:
    """Return the shortest time of each call, in turn and round after round for `duration_s`."""
    for call in calls.values():  # first use: memory, threads, oneDNN's primitives
        call()
    best_ns: dict[str, int] = {}
    deadline_ns = time.monotonic_ns() + int(duration_s * NS_PER_S)
    rounds = 0
    while rounds < _LEAST_ROUNDS or time.monotonic_ns() < deadline_ns:
        for name, call in calls.items():
            begin_ns = time.monotonic_ns()
            call()
            taken_ns = time.monotonic_ns() - begin_ns
            best_ns[name] = min(best_ns.get(name, taken_ns), taken_ns)
        rounds += 1
    return {name: ns_to_s(taken_ns) for name, taken_ns in best_ns.items()}
