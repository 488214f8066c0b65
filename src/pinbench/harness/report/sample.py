"""What the values of several runs say together. Runs are independent of each other; steps of one run are not.

Outliers are found by the modified z-score of Iglewicz and Hoaglin (1993): the distance to the median in units of the
median absolute deviation (MAD), which a few disturbed runs do not widen.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pinbench.base.units import PERCENT
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.report.student import quantile

CONFIDENCE = 0.95
_OUTLIER = 3.5  # of the modified z-score, as Iglewicz and Hoaglin recommend
_MAD_OF_SIGMA = 0.6745  # of a normal distribution: its MAD in standard deviations
_MEAN_DEVIATION_OF_SIGMA = 0.7979  # ... and its mean absolute deviation, sqrt(2 / pi)
_LEAST_FOR_OUTLIERS = 5  # of fewer values no one can be told to be apart from the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Statistics of at least one number. None: too few values, or not of this sign, to say."""

    n: int
    avg: float
    std: float | None = None  # of the sample: n - 1
    med: float  # of an even n: the mean of the middle two
    geo: float | None = None
    cv: float | None = None  # coefficient of variation, std over avg, in percent
    low95: float | None = None  # the interval that holds the mean of all possible runs, by Student's t
    high95: float | None = None
    min: float
    max: float
    outliers: tuple[int, ...] = ()  # places in the sequence of values


def sample(values: Sequence[float]) -> Sample:
    """Return the statistics of `values`, of which there is at least one, all finite."""
    mean = statistics.fmean(values)
    deviation = statistics.stdev(values) if len(values) > 1 else None
    half = None
    if deviation is not None:
        half = quantile(CONFIDENCE, len(values) - 1) * deviation / math.sqrt(len(values))
    return Sample(
        n=len(values),
        avg=rounded(mean),
        std=_rounded(deviation),
        med=rounded(statistics.median(values)),
        geo=rounded(statistics.geometric_mean(values)) if min(values) > 0 else None,
        cv=rounded(PERCENT * deviation / abs(mean)) if deviation is not None and mean else None,
        low95=_rounded(None if half is None else mean - half),
        high95=_rounded(None if half is None else mean + half),
        min=min(values),
        max=max(values),
        outliers=outliers(values),
    )


def outliers(values: Sequence[float]) -> tuple[int, ...]:
    """Return the places of those values that lie apart from the others."""
    if len(values) < _LEAST_FOR_OUTLIERS:
        return ()
    middle = statistics.median(values)
    distances = [abs(value - middle) for value in values]
    sigma = statistics.median(distances) / _MAD_OF_SIGMA or statistics.fmean(distances) / _MEAN_DEVIATION_OF_SIGMA
    return tuple(place for place, distance in enumerate(distances) if distance > _OUTLIER * sigma)


def _rounded(value: float | None) -> float | None:
    return None if value is None else rounded(value)
