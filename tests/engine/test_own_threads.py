import os
import threading

from pinbench.worker.engine._own_threads import allowed_on, count_threads


def test_a_bound_thread_may_run_on_all_cpus_meanwhile():
    before = os.sched_getaffinity(0)
    one = {min(before)}
    os.sched_setaffinity(0, one)
    try:
        with allowed_on(tuple(sorted(before))):
            assert os.sched_getaffinity(0) == before
        assert os.sched_getaffinity(0) == one
    finally:
        os.sched_setaffinity(0, before)


def test_a_thread_counts_while_it_lives():
    before = count_threads()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert count_threads() == before + 1
    stop.set()
    thread.join()
