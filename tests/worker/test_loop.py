import gc
import time
from collections.abc import Callable
from typing import Any

import pytest

from pinbench.worker import loop
from pinbench.worker.loop import Timed, collector_off, measure, measure_while, wait_until, warm_up

US = 1_000


class FakeTime:
    """A clock that advances by 1 us at each reading; a step takes as long as it is told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def monotonic_ns(self) -> int:
        self.now_ns += US
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(loop, "time", fake)
    return fake


def run(
    clock: FakeTime,
    *,
    steps: int = 1,
    duration_us: int = 0,
    stop: bytearray | None = None,
    on_step: Callable[[Any], None] = lambda _: None,
    on_reached: Callable[[], None] = lambda: None,
    alone: bool = True,
    batches: tuple[Any, ...] = (None,),
    start_us: int = 0,
) -> Timed:
    def step(batch: object) -> None:
        clock.now_ns += 9 * US  # 10 us between two readings
        on_step(batch)

    flag = memoryview(stop if stop is not None else bytearray(1))
    return measure(step, batches, steps, duration_us * US, flag, start_us * US, on_reached, alone=alone)


def test_a_lone_instance_runs_exactly_its_steps(clock: FakeTime) -> None:
    timed = run(clock, steps=5)
    assert list(timed.step_ns) == [10 * US] * 5
    assert len(timed.begin_ns) == 5
    assert all(later - earlier == 11 * US for earlier, later in zip(timed.begin_ns, timed.begin_ns[1:], strict=False))


def test_a_lone_instance_goes_on_until_its_duration_has_passed(clock: FakeTime) -> None:
    timed = run(clock, steps=1, duration_us=100)
    last_ns = timed.begin_ns[-1] - timed.begin_ns[0]
    assert last_ns + timed.step_ns[-1] >= 100 * US > last_ns


def test_an_instance_that_comes_late_still_measures_its_whole_duration(clock: FakeTime) -> None:
    clock.now_ns = 500_000 * US
    timed = run(clock, duration_us=100, start_us=0)
    assert timed.begin_ns[-1] + timed.step_ns[-1] - timed.begin_ns[0] >= 100 * US


def test_nothing_begins_before_the_common_start(clock: FakeTime) -> None:
    assert run(clock, start_us=50_000).begin_ns[0] >= 50_000 * US


def test_an_instance_among_others_says_once_that_it_is_ready_and_goes_on_until_told(clock: FakeTime) -> None:
    stop = bytearray(1)
    said_after: list[int] = []
    done: list[object] = []

    def on_step(batch: object) -> None:
        done.append(batch)
        if len(done) == 8:
            stop[0] = 1

    timed = run(
        clock, steps=3, stop=stop, alone=False, on_step=on_step, on_reached=lambda: said_after.append(len(done))
    )
    assert said_after == [3]
    assert len(timed.step_ns) == 8


def test_the_stop_flag_does_not_cut_short_what_was_asked_for(clock: FakeTime) -> None:
    assert len(run(clock, steps=6, stop=bytearray(b"\1"), alone=False).step_ns) == 6


def test_batches_are_taken_in_turn(clock: FakeTime) -> None:
    seen: list[str] = []
    run(clock, steps=5, batches=("a", "b"), on_step=seen.append)
    assert seen == ["a", "b", "a", "b", "a"]


def test_the_garbage_collector_is_off_in_the_window_and_on_again_after_it(clock: FakeTime) -> None:
    inside: list[bool] = []
    with pytest.raises(ZeroDivisionError), collector_off():
        run(clock, on_step=lambda _: inside.append(gc.isenabled()) or 1 // 0)
    assert inside == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_warm_up_runs_at_least_one_step_and_tells_how_long_each_took(clock: FakeTime) -> None:
    seen: list[str] = []
    assert warm_up(seen.append, ("a", "b"), 3) == (US, US, US)
    assert warm_up(seen.append, ("a", "b"), 0) == (US,)
    assert seen == ["a", "b", "a", "a"]


def test_waiting_ends_at_the_time_and_not_before() -> None:
    at_ns = time.monotonic_ns() + 4_000_000
    wait_until(at_ns)
    assert 0 <= time.monotonic_ns() - at_ns < 50_000_000
    before_ns = time.monotonic_ns()
    wait_until(before_ns - 1)
    assert time.monotonic_ns() - before_ns < 50_000_000


def test_what_lies_between_steps_is_in_the_window_and_in_no_step(clock: FakeTime) -> None:
    asked = 0

    def more() -> bool:
        nonlocal asked
        asked += 1
        clock.now_ns += 100 * US
        return asked < 4

    def step(_: object) -> None:
        clock.now_ns += 9 * US

    timed = measure_while(step, more, 50 * US)
    assert (asked, list(timed.step_ns)) == (4, [10 * US] * 3)
    assert timed.begin_ns[0] >= 50 * US
    assert timed.begin_ns[2] - timed.begin_ns[1] == 111 * US


def test_without_any_step_there_are_no_times(clock: FakeTime) -> None:
    assert not measure_while(lambda _: None, lambda: False, 0).step_ns
