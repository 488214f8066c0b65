"""The learning rate against the reference's own and by hand."""

import pytest
from training_golden import SCHEDULE, read_trace

from pinbench.base.errors import UsageError
from pinbench.worker.training.observer import Schedule
from pinbench.worker.training.schedule import learning_rate, require


def rates(steps: range, **changes: float) -> list[float]:
    chosen = {"base": 2.0, "warmup_steps": 4, "decay_start_step": 6, "decay_steps": 4}
    return [learning_rate(Schedule(**(chosen | changes)), step) for step in steps]


def test_each_of_fifty_rates_is_the_references_to_the_last_bit():
    assert [learning_rate(SCHEDULE, step) for step in range(1, 51)] == read_trace().rate.tolist()


def test_it_rises_waits_below_the_base_jumps_to_it_falls_and_stays():
    assert rates(range(1, 13)) == [0.5, 1.0, 1.5, 1.5, 1.5, 2.0, 1.125, 0.5, 0.125, 0.125, 0.125, 0.125]


def test_without_decay_it_ends_at_the_base():
    assert rates(range(1, 7), decay_steps=0) == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("warmup_steps", [0, 1])
def test_without_warm_up_it_begins_at_the_base(warmup_steps):
    assert rates(range(1, 8), warmup_steps=warmup_steps) == [2.0] * 6 + [1.125]


def test_it_never_becomes_nothing():
    assert rates(range(9, 12), base=1e-6) == [1e-7] * 3


def test_a_decay_within_the_warm_up_is_refused():
    require(SCHEDULE)
    require(Schedule(base=1, warmup_steps=10, decay_start_step=0, decay_steps=0))
    with pytest.raises(UsageError, match="LR_DECAY_START_STEP=9 lies within the warm-up of LR_WARMUP_STEPS=10 steps"):
        require(Schedule(base=1, warmup_steps=10, decay_start_step=9, decay_steps=5))
