"""The trial of several ways to compute the same thing."""

import pytest

from pinbench.worker.ops.trial import best_seconds


class Clock:
    """Time that passes only in calls, as many seconds as each one takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 0
        monkeypatch.setattr("time.monotonic_ns", lambda: self.now_ns)

    def taking(self, *seconds: float):
        durations = iter(seconds)

        def call() -> None:
            self.now_ns += round(next(durations) * 1e9)

        return call


def test_the_best_of_interleaved_calls_counts_and_the_first_use_does_not(monkeypatch):
    clock = Clock(monkeypatch)
    calls = {"a": clock.taking(0.001, 3, 2, 4, 3, 3), "b": clock.taking(9, 5, 6, 7, 8, 9)}
    assert best_seconds(calls, duration_s=1.0) == {"a": 2.0, "b": 5.0}


def test_it_goes_on_until_its_time_is_over(monkeypatch):
    clock = Clock(monkeypatch)
    count = []
    call = clock.taking(*[0.125] * 100)
    best_seconds({"a": lambda: (count.append(1), call())}, duration_s=2.0)
    assert len(count) == 1 + 16
