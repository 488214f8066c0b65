"""How far runs of one case lie apart: the coefficient of variation, and how well their mean is known.

Both are shares of the mean. The interval is Student's (1908): for few runs it is wider than a normal one.
"""

import math
import statistics
from collections.abc import Sequence

from pinbench.harness.report.student import quantile

CONFIDENCE = 0.95


def variation(values: Sequence[float]) -> float | None:
    """Return the standard deviation of the sample over its mean; None for fewer than 2 values or a mean of 0."""
    if len(values) < 2 or not statistics.mean(values):
        return None
    return statistics.stdev(values) / abs(statistics.mean(values))


def half_width(values: Sequence[float]) -> float | None:
    """Return half of the mean's 95 % interval over the mean; None where `variation` is."""
    spread = variation(values)
    return None if spread is None else quantile(CONFIDENCE, len(values) - 1) * spread / math.sqrt(len(values))
