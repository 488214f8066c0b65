"""Whether pairs differ, by the ranks of their differences alone (Wilcoxon, 1945)."""

import math
from collections.abc import Sequence

_EXACT_UP_TO = 60  # pairs; above, the normal approximation is good to three digits


def signed_rank_test(differences: Sequence[float]) -> float:
    """Return how likely differences so far to one side are when neither side is favoured: the two-sided p-value.

    Exact also with ties, which share their ranks, up to 60 pairs. Differences of 0 tell nothing and are left out.
    """
    told = [difference for difference in differences if difference]
    ranks = _doubled_ranks([abs(difference) for difference in told])
    if not ranks:
        return 1.0
    upper = sum(rank for rank, difference in zip(ranks, told, strict=True) if difference > 0)
    extreme = min(upper, sum(ranks) - upper)
    if len(ranks) <= _EXACT_UP_TO:
        return min(1.0, 2 * _share_up_to(ranks, extreme))
    spread = math.sqrt(sum(rank * rank for rank in ranks) / 4)
    distance = max(0.0, sum(ranks) / 2 - extreme - 1)  # corrected for continuity: a rank of 1/2 is 1 here
    return math.erfc(distance / (spread * math.sqrt(2)))


def smallest_paired_p(pairs: int) -> float:
    """Return the least that the test can give for so many pairs."""
    return float(min(1.0, 2 * 0.5**pairs))


def _doubled_ranks(sizes: Sequence[float]) -> list[int]:
    """Return twice the rank of each of `sizes`: equal ones have the mean of theirs, which may end in a half."""
    ascending = sorted(sizes)
    first = {size: place for place, size in reversed(list(enumerate(ascending)))}
    last = {size: place for place, size in enumerate(ascending)}
    return [first[size] + last[size] + 2 for size in sizes]


def _share_up_to(ranks: Sequence[int], most: int) -> float:
    """Return the share of all ways to give signs to `ranks` whose positive ones add up to at most `most`."""
    ways = [1] + [0] * most
    for rank in ranks:
        for total in range(most, rank - 1, -1):
            ways[total] += ways[total - rank]
    return sum(ways) / (1 << len(ranks))
