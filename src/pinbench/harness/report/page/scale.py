"""A scale: from values to places on a plot, with ticks at round numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_TICKS = 5  # about
_WIDE = 30.0  # a span of values that a linear scale would press together at its low end
_FEW_DECADES = 2.6  # up to here a logarithmic scale needs ticks between its powers of ten
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A map of [low, high] to [start, end]."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def place(self, value: float) -> float:
        """Return where `value` lies."""
        low, high = self.low, self.high
        if self.is_log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 2)


def is_wide(values: Sequence[float]) -> bool:
    """Return whether `values`, all above 0, want a logarithmic scale."""
    return min(values) > 0 and max(values) / min(values) > _WIDE


def linear(values: Sequence[float], start: float, end: float, *, from_zero: bool = False) -> Scale:
    """Return a scale for `values`, of which there is at least one; its ends are ticks."""
    low, high = min(values), max(values)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    step = _round_step((high - low) / _TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(number * step for number in range(first, last + 1))
    return Scale(low=ticks[0], high=ticks[-1], start=start, end=end, ticks=ticks)


def logarithmic(values: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale for `values`, all above 0; its ends are 1, 2 or 5 times a power of ten."""
    steps = [factor * 10.0**power for power in range(*_decades(values)) for factor in (1, 2, 5)]
    low = max((step for step in steps if step <= min(values)), default=steps[0])
    high = min((step for step in steps if step >= max(values) and step > low), default=steps[-1])
    inside = [step for step in steps if low <= step <= high]
    if math.log10(high / low) > _FEW_DECADES:
        inside = [step for step in inside if math.isclose(math.log10(step) % 1, 0, abs_tol=1e-9)]
    return Scale(low=low, high=high, start=start, end=end, ticks=tuple(inside), is_log=True)


def short(value: float) -> str:
    """Return `value` for a tick: ``0.05``, ``250``, ``12.5k``."""
    for size, prefix in _PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.4g}{prefix}"
    return f"{value:.4g}"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    return math.floor(math.log10(min(values))) - 1, math.ceil(math.log10(max(values))) + 2


def _round_step(rough: float) -> float:
    size: float = 10.0 ** math.floor(math.log10(rough))
    return next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough * (1 - 1e-9))
