"""Student's t distribution for whole degrees of freedom, in closed form (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""

import math
from functools import cache


@cache
def quantile(confidence: float, freedom: int) -> float:
    """Return the t for which a value lies between -t and t with `confidence`, 0 to 1; `freedom` is 1 or more."""
    low, high = 0.0, 1.0
    while share_within(high, freedom) < confidence:
        high *= 2
    for _ in range(100):  # each halves the interval: the last ones change nothing more
        middle = (low + high) / 2
        low, high = (middle, high) if share_within(middle, freedom) < confidence else (low, middle)
    return (low + high) / 2


def share_within(t: float, freedom: int) -> float:
    """Return how likely a value between -t and t is."""
    angle = math.atan2(t, math.sqrt(freedom))
    cosine = math.cos(angle)
    if freedom % 2:
        terms = _sum(cosine, range(2, freedom - 1, 2), cosine) if freedom > 1 else 0.0
        return 2 / math.pi * (angle + math.sin(angle) * terms)
    return math.sin(angle) * _sum(cosine, range(1, freedom - 2, 2), 1.0)


def _sum(cosine: float, numerators: range, first: float) -> float:
    """Return first + first * n/(n+1) * cos^2 + ..., each term made of the one before by the next numerator n."""
    term = total = first
    for numerator in numerators:
        term *= cosine * cosine * numerator / (numerator + 1)
        total += term
    return total
