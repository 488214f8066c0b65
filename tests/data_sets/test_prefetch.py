import os
import threading

import pytest

from pinbench.worker.data.criteo.prefetch import Prefetch

CPUS = os.sched_getaffinity(0)


def take(prefetch, count):
    return [buffer[0] for buffer, _ in zip(prefetch.buffers(), range(count), strict=False)]


def put_number(buffer, number):
    buffer[0] = number


@pytest.mark.parametrize(("threads", "buffers"), [(1, 1), (1, 3), (4, 2), (3, 5)])
def test_contents_come_in_order_however_many_fill_them(threads, buffers):
    prefetch = Prefetch([[None] for _ in range(buffers)], put_number, threads=threads, cpus=CPUS)
    assert take(prefetch, 50) == list(range(50))
    prefetch.close()


def test_the_order_holds_when_the_first_takes_longest():
    second_is_done = threading.Event()

    def fill(buffer, number):
        if number == 0:
            assert second_is_done.wait(30)
        buffer[0] = number
        if number == 1:
            second_is_done.set()

    prefetch = Prefetch([[None], [None]], fill, threads=2, cpus=CPUS)
    assert take(prefetch, 4) == [0, 1, 2, 3]
    assert prefetch.waits >= 1
    assert prefetch.wait_ns > 0
    prefetch.close()


def test_what_is_ready_is_not_waited_for():
    done = [threading.Event() for _ in range(3)]

    def fill(buffer, number):
        buffer[0] = number
        if number < len(done):
            done[number].set()

    prefetch = Prefetch([[None] for _ in range(3)], fill, threads=1, cpus=CPUS)
    buffers = prefetch.buffers()
    assert done[2].wait(30)  # so the futures of 0 and 1 are done
    assert [next(buffers)[0], next(buffers)[0]] == [0, 1]
    assert (prefetch.waits, prefetch.wait_ns) == (0, 0)
    prefetch.close()


def test_a_buffer_is_left_alone_until_the_next_one_is_asked_for():
    filled = []

    def fill(buffer, number):
        filled.append(number)
        buffer[0] = number

    prefetch = Prefetch([[None], [None]], fill, threads=1, cpus=CPUS)
    buffers = prefetch.buffers()
    first = next(buffers)
    assert first == [0]
    assert set(filled) <= {0, 1}  # content 2 would go into the buffer that we hold
    assert next(buffers) == [1]
    assert next(buffers) == [2]
    prefetch.close()


def test_a_fault_is_raised_when_it_is_its_turn_and_not_before():
    def fill(buffer, number):
        if number == 5:
            raise ZeroDivisionError("content 5")
        buffer[0] = number

    prefetch = Prefetch([[None] for _ in range(8)], fill, threads=2, cpus=CPUS)
    buffers = prefetch.buffers()
    assert [next(buffers)[0] for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ZeroDivisionError, match="content 5"):
        next(buffers)
    prefetch.close()


def test_threads_run_on_the_cpus_that_were_named_and_are_gone_after_close():
    one = min(CPUS)
    seen = set()

    def fill(buffer, number):
        seen.add((threading.current_thread(), tuple(os.sched_getaffinity(0))))
        buffer[0] = number

    prefetch = Prefetch([[None] for _ in range(4)], fill, threads=2, cpus=[one])
    take(prefetch, 20)
    assert {cpus for _, cpus in seen} == {(one,)}
    prefetch.close()
    assert not any(thread.is_alive() for thread, _ in seen)
    assert os.sched_getaffinity(0) == CPUS


def test_closing_does_not_fill_what_nobody_will_take():
    may_go_on = threading.Event()
    filled = []

    def fill(buffer, number):
        filled.append(number)
        assert may_go_on.wait(30)

    prefetch = Prefetch([[None] for _ in range(50)], fill, threads=1, cpus=CPUS)
    closing = threading.Thread(target=prefetch.close)
    closing.start()
    while not prefetch._pool._shutdown:
        pass
    may_go_on.set()
    closing.join(30)
    assert not closing.is_alive()
    assert len(filled) < 50
