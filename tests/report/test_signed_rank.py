import random

import pytest
from scipy import stats

from pinbench.harness.report.signed_rank import signed_rank_test, smallest_paired_p


@pytest.mark.parametrize("pairs", [1, 2, 5, 7, 10, 20, 49])
def test_up_to_sixty_pairs_are_judged_exactly(pairs):
    source = random.Random(pairs)
    for shift in (0.0, 0.5, 1.0):
        found = [source.gauss(shift) for _ in range(pairs)]
        assert signed_rank_test(found) == pytest.approx(stats.wilcoxon(found, method="exact").pvalue, rel=1e-12)


@pytest.mark.parametrize("values", [4, 1000])
def test_more_are_judged_by_the_normal_approximation(values):
    source = random.Random(values)
    found = [source.randrange(-values, values + values // 2) for _ in range(90)]
    expected = stats.wilcoxon(found, method="approx", correction=True).pvalue
    assert signed_rank_test(found) == pytest.approx(expected, rel=1e-3 if values == 1000 else 2e-2)


def test_ties_are_judged_exactly_by_all_ways_to_give_signs():
    # ranks 1.5 1.5 3: of 8 ways, 1 has no positive rank, 1 + 1 have 1.5; the observed -1.5 + 1.5 + 3 has 1.5 below
    assert signed_rank_test([-1.0, 1.0, 2.0]) == pytest.approx(2 * 3 / 8)


def test_equal_pairs_tell_nothing():
    assert signed_rank_test([0.0] * 9) == 1.0
    assert signed_rank_test([0.0, 0.0, 1.0, 2.0, 3.0]) == signed_rank_test([1.0, 2.0, 3.0])


def test_the_least_p_is_that_of_pairs_that_all_differ_to_one_side():
    for pairs in (1, 4, 7, 20):
        assert signed_rank_test(range(1, pairs + 1)) == pytest.approx(smallest_paired_p(pairs))
