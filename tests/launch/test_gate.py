from typing import Any

import pytest

from pinbench.base.errors import LaunchError
from pinbench.contract.gate import Barrier
from pinbench.harness.launch.gate import Gate


def arrived(barrier: Barrier) -> dict[str, Any]:
    return {"say": "arrived", "barrier": barrier.value}


def test_a_barrier_opens_only_when_all_have_arrived() -> None:
    gate = Gate(2, now_ns=0)
    gate.hear(0, arrived(Barrier.WEIGHTS), 1)
    assert gate.barrier_to_open() is None
    gate.hear(1, arrived(Barrier.WEIGHTS), 2)
    assert gate.barrier_to_open() is Barrier.WEIGHTS


def test_barriers_open_in_their_order_and_the_last_one_means_done() -> None:
    gate = Gate(1, now_ns=0)
    for barrier in (Barrier.WEIGHTS, Barrier.START, Barrier.STOPPED, Barrier.PEAK, Barrier.DONE):
        assert not gate.is_done
        gate.hear(0, arrived(barrier), 1)
        assert gate.barrier_to_open() is barrier
        gate.open(barrier)
        assert gate.barrier_to_open() is None
    assert gate.is_done


def test_an_instance_that_skips_a_barrier_does_not_pass() -> None:
    gate = Gate(1, now_ns=0)
    gate.hear(0, arrived(Barrier.START), 1)
    assert gate.barrier_to_open() is None


def test_the_window_ends_when_the_slowest_has_reached_its_steps() -> None:
    gate = Gate(2, now_ns=0)
    gate.hear(1, {"say": "reached"}, 1)
    assert not gate.has_window_ended
    gate.hear(0, {"say": "reached"}, 2)
    assert gate.has_window_ended


def test_a_standing_tells_phase_last_word_and_reason() -> None:
    gate = Gate(2, now_ns=5)
    assert (gate.standings[0].phase, gate.standings[0].heard_ns, gate.standings[0].has_spoken) == ("start-up", 5, False)
    gate.hear(0, {"say": "phase", "phase": "warm-up"}, 7)
    assert (gate.standings[0].phase, gate.standings[0].heard_ns, gate.standings[0].has_spoken) == ("warm-up", 7, True)
    gate.hear(0, {"say": "error", "message": "no such file", "exit_code": 2}, 8)
    assert (gate.standings[0].error, gate.standings[0].exit_code) == ("no such file", 2)
    assert gate.standings[1].heard_ns == 5


@pytest.mark.parametrize(
    "message", [{}, {"say": "sing"}, {"say": "arrived", "barrier": "moon"}, {"say": "error", "message": "m"}]
)
def test_other_words_are_refused_with_the_instance(message: dict[str, Any]) -> None:
    with pytest.raises(LaunchError, match="instance 1 said"):
        Gate(2, now_ns=0).hear(1, message, 1)
