import _thread
import threading
from functools import partial

import pytest

from pinbench.worker.data.criteo.crew import Stop, StoppedError, run_all


def test_results_come_in_the_order_of_the_tasks():
    second_ran = threading.Event()

    def first():
        assert second_ran.wait(60)
        return 1

    def second():
        second_ran.set()
        return 2

    assert run_all([first, second], 2, Stop()) == [1, 2]


def test_an_error_stops_the_tasks_at_work_and_those_that_wait():
    stop, begun, ran = Stop(), threading.Event(), []

    def endless():
        begun.set()
        while True:
            stop.check()

    def fails():
        assert begun.wait(60)
        raise ValueError("the reason")

    with pytest.raises(ValueError, match="the reason"):
        run_all([endless, fails, *[partial(ran.append, 1)] * 50], 2, stop)
    assert len(ran) < 50
    with pytest.raises(StoppedError):
        stop.check()


def test_an_interrupt_of_the_main_thread_ends_all_tasks():
    stop, ended = Stop(), threading.Event()

    def interrupted():
        _thread.interrupt_main()
        try:
            while True:
                stop.check()
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        run_all([interrupted], 1, stop)
    assert ended.is_set()
