"""Whether two samples come from one distribution, by the ranks of their values alone (Mann and Whitney, 1947)."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache

_EXACT_UP_TO = 400  # pairs; above, the normal approximation is good to three digits


def rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Return how likely ranks so far apart are when nothing differs: the two-sided p-value.

    Exact for small samples without ties; else the normal approximation, corrected for ties and continuity.
    """
    wins = sum((a > b) + (a == b) / 2 for a in first for b in second)
    pairs = len(first) * len(second)
    extreme = min(wins, pairs - wins)
    ties = [count for count in Counter((*first, *second)).values() if count > 1]
    if pairs <= _EXACT_UP_TO and not ties:
        return min(1.0, 2 * _share_of_orders(len(first), len(second), round(extreme)))
    return _normal(len(first), len(second), extreme, ties)


def smallest_p(first: int, second: int) -> float:
    """Return the least that the test can give for samples of these sizes."""
    return min(1.0, 2 / math.comb(first + second, first))


def _share_of_orders(first: int, second: int, wins: int) -> float:
    orders = sum(_orders(first, second, count) for count in range(wins + 1))
    return orders / math.comb(first + second, first)


@cache
def _orders(first: int, second: int, wins: int) -> int:
    """Return in how many orders of both samples the first wins so many of the pairs."""
    if wins < 0 or wins > first * second:
        return 0
    if first == 0 or second == 0:
        return int(wins == 0)
    # The largest value is of the first sample, and wins against all of the second, or of the second.
    return _orders(first - 1, second, wins - second) + _orders(first, second - 1, wins)


def _normal(first: int, second: int, extreme: float, ties: Sequence[int]) -> float:
    total = first + second
    tied = sum(count**3 - count for count in ties) / (total * (total - 1))
    variance = first * second / 12 * (total + 1 - tied)
    if variance == 0:
        return 1.0  # all values are equal
    distance = max(0.0, first * second / 2 - extreme - 0.5)
    return math.erfc(distance / math.sqrt(2 * variance))
