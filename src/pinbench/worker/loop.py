"""The timed loop: the only module that reads the clock around model calls.

The clock is CLOCK_MONOTONIC, which all processes of a host share (clock_gettime(2)), so that the windows of
several instances can be compared.
"""

import gc
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from pinbench.base.units import ns_to_s

_SPIN_NS = 2_000_000  # a sleep ends up to some 100 us late and leaves the core idle: spin through the last part


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Begin (CLOCK_MONOTONIC) and duration of each step, in nanoseconds."""

    begin_ns: "array[int]"  # subscriptable at run time from Python 3.12 on
    step_ns: "array[int]"


def wait_until(at_ns: int) -> None:
    """Return at the CLOCK_MONOTONIC time `at_ns`, at once when that has passed."""
    remaining_ns = at_ns - time.monotonic_ns() - _SPIN_NS
    if remaining_ns > 0:
        time.sleep(ns_to_s(remaining_ns))
    while time.monotonic_ns() < at_ns:
        pass


def warm_up(step: Callable[[Any], Any], batches: Sequence[Any], steps: int) -> tuple[int, ...]:
    """Run `steps` steps, one at the least, and return the duration of each in nanoseconds."""
    durations_ns = []
    for batch in islice(cycle(batches), max(1, steps)):
        begin_ns = time.monotonic_ns()
        step(batch)
        durations_ns.append(time.monotonic_ns() - begin_ns)
    return tuple(durations_ns)


def measure(
    step: Callable[[Any], Any],
    batches: Sequence[Any],
    steps: int,
    min_duration_ns: int,
    stop: memoryview,
    start_ns: int,
    on_reached: Callable[[], None],
    *,
    alone: bool,
) -> Timed:
    """Run `step` on one of `batches` after the other from `start_ns` on, and return each step's times.

    To be called with the `collector_off`. After `steps` steps, and `min_duration_ns` from its first one's begin at
    the least, it calls `on_reached` once and goes on until the first byte of `stop` is set: no instance leaves the
    window while another one still measures in it. An instance that is `alone` has nobody to wait for and ends right
    there.
    """
    clock = time.monotonic_ns
    begin_ns, step_ns = array("q"), array("q")
    add_begin, add_step = begin_ns.append, step_ns.append
    has_reached = False
    source = enumerate(cycle(batches), 1)
    wait_until(start_ns)
    for count, batch in source:
        begin = clock()
        step(batch)
        end = clock()
        add_begin(begin)
        add_step(end - begin)
        if count < steps or end - begin_ns[0] < min_duration_ns:
            continue
        if not has_reached:
            on_reached()
            has_reached = True
        if alone or stop[0]:
            break
    return Timed(begin_ns=begin_ns, step_ns=step_ns)


def measure_while(step: Callable[[Any], Any], more: Callable[[], bool], start_ns: int) -> Timed:
    """Run `step` from `start_ns` on as long as `more` says so, and return each step's times.

    `more` is asked before each step and after the last one, outside of what is timed: what it does there (an
    evaluation, a file) lies between steps, within the window. For an instance that runs alone.
    """
    clock = time.monotonic_ns
    begin_ns, step_ns = array("q"), array("q")
    wait_until(start_ns)
    while more():
        begin = clock()
        step(None)
        end = clock()
        begin_ns.append(begin)
        step_ns.append(end - begin)
    return Timed(begin_ns=begin_ns, step_ns=step_ns)


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the garbage collector out of the window; what lives now is not looked at again (gc.freeze).

    To be entered before the instance says that it is ready: a last collection takes as long as the common start
    lies ahead.
    """
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
