import threading

import pytest

from pinbench.worker.data.criteo.finishing import finishing


@pytest.mark.parametrize("beside", [True, False])
def test_jobs_are_done_one_after_the_other_in_their_order(beside):
    done, at_work = [], threading.Lock()

    def job(number):
        assert at_work.acquire(blocking=False)
        done.append((number, threading.current_thread() is threading.main_thread()))
        at_work.release()

    with finishing(beside=beside) as place:
        for number in range(50):
            place.do(lambda number=number: job(number))
    assert done == [(number, not beside) for number in range(50)]


def test_a_job_beside_does_not_hold_up_the_caller():
    allowed = threading.Event()

    def wait():
        assert allowed.wait(60)

    with finishing(beside=True) as place:
        place.do(wait)
        allowed.set()  # reached while the job waits


@pytest.mark.parametrize("beside", [True, False])
def test_the_error_of_a_job_ends_the_work(beside):
    def fail():
        raise ValueError("the reason")

    def work():
        with finishing(beside=beside) as place:
            place.do(fail)

    with pytest.raises(ValueError, match="the reason"):
        work()
