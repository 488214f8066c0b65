"""The common window: the time in which all instances measured."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from pinbench.contract.result import InstanceResult


@dataclass(frozen=True, slots=True)
class Window:
    """A span of CLOCK_MONOTONIC."""

    start_ns: int
    end_ns: int

    @property
    def duration_ns(self) -> int:
        """Its length; negative when it ends before it starts: there is no such time."""
        return self.end_ns - self.start_ns


def measured_window(result: InstanceResult) -> Window:
    """Return the time from the begin of the first measured step of an instance to the end of its last."""
    return Window(result.begin_ns[0], result.begin_ns[-1] + result.step_ns[-1])


def common_window(results: Sequence[InstanceResult]) -> Window:
    """Return the time in which all instances measured: the latest start to the earliest end."""
    windows = [measured_window(result) for result in results]
    return Window(max(w.start_ns for w in windows), min(w.end_ns for w in windows))


def overlap(results: Sequence[InstanceResult]) -> float:
    """Return the share of the time in which anyone measured in which all did, 0 to 1."""
    windows = [measured_window(result) for result in results]
    any_ns = max(w.end_ns for w in windows) - min(w.start_ns for w in windows)
    return max(0, common_window(results).duration_ns) / any_ns


def steps_done(result: InstanceResult, at_ns: float) -> float:
    """Return how many measured steps an instance had done at a time; one under way counts in proportion."""
    index = bisect_right(result.begin_ns, at_ns) - 1
    if index < 0:
        return 0.0
    share = (at_ns - result.begin_ns[index]) / result.step_ns[index] if result.step_ns[index] else 1.0
    return index + min(1.0, share)


def steps_begun(result: InstanceResult, window: Window) -> slice:
    """Return which steps of an instance began in `window`, its end excluded.

    Choosing by the begin, not by lying wholly inside, does not leave out long steps more often than short ones.
    """
    return slice(bisect_right(result.begin_ns, window.start_ns - 1), bisect_right(result.begin_ns, window.end_ns - 1))
