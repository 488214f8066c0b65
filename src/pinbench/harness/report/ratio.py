"""How many times one sample is the other, robustly, with an interval from resampled runs.

The estimate is that of Hodges and Lehmann (1963) on logarithms: the median of the ratios of all pairs. A run that was
disturbed moves it little, and where none was it is nearly as sharp as a ratio of means. Where runs stand in pairs, it
is the median of the ratios of all pairs and of the geometric means of any two of them. The interval is the percentile
bootstrap (Efron and Tibshirani, 1993) over whole runs or pairs: steps of one run are no independent values.
"""

import itertools
import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_RESAMPLES = 1_000
_MOST_PAIRS = 1_000_000  # of all resamples together: more runs make fewer resamples necessary


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """New over base."""

    value: float
    low: float
    high: float


def ratio_of(base: Sequence[float], new: Sequence[float], confidence: float) -> Ratio:
    """Return the ratio of `new` to `base`, all above 0, and the interval that holds it with `confidence` (0 to 1)."""

    def again(source: random.Random) -> float:
        return _estimate(source.choices(base, k=len(base)), source.choices(new, k=len(new)))

    return _with_interval(_estimate(base, new), again, (base, new), confidence)


def paired_ratio_of(base: Sequence[float], new: Sequence[float], confidence: float) -> Ratio:
    """Return the same of values that belong together, `new[i]` with `base[i]`."""
    logs = [math.log(b / a) for a, b in zip(base, new, strict=True)]

    def again(source: random.Random) -> float:
        return _paired_estimate(source.choices(logs, k=len(logs)))

    return _with_interval(_paired_estimate(logs), again, (base, new), confidence)


def _with_interval(
    value: float, again: Callable[[random.Random], float], values: tuple[Sequence[float], Sequence[float]],
    confidence: float,
) -> Ratio:  # fmt: skip
    base, new = values
    # A string of the values: the same runs always give the same interval.
    source = random.Random(repr((tuple(base), tuple(new))))
    resamples = max(200, min(_RESAMPLES, _MOST_PAIRS // (len(base) * len(new))))
    found = sorted(again(source) for _ in range(resamples))
    tail = (1 - confidence) / 2
    low, high = (found[round(share * (len(found) - 1))] for share in (tail, 1 - tail))
    return Ratio(value=value, low=low, high=high)


def _estimate(base: Sequence[float], new: Sequence[float]) -> float:
    return statistics.median(b / a for a in base for b in new)


def _paired_estimate(logs: Sequence[float]) -> float:
    pairs = itertools.combinations_with_replacement(logs, 2)
    return math.exp(statistics.median((first + second) / 2 for first, second in pairs))
