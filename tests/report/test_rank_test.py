import random

import pytest
from scipy import stats

from pinbench.harness.report.rank_test import rank_test, smallest_p


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 5), (4, 4), (10, 10), (19, 21), (7, 50)])
def test_small_samples_without_ties_are_judged_exactly(first, second):
    source = random.Random(first)
    for shift in (0.0, 0.5, 2.0):
        a = [source.gauss() for _ in range(first)]
        b = [source.gauss(shift) for _ in range(second)]
        expected = stats.mannwhitneyu(a, b, method="exact").pvalue
        assert rank_test(a, b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("values", [3, 10, 1000])
def test_ties_and_large_samples_are_judged_by_the_normal_approximation(values):
    source = random.Random(values)
    a = [source.randrange(values) for _ in range(60)]
    b = [source.randrange(values) + source.randrange(2) for _ in range(45)]
    expected = stats.mannwhitneyu(a, b, method="asymptotic").pvalue
    assert rank_test(a, b) == pytest.approx(expected, rel=1e-9)


def test_equal_values_show_no_difference():
    assert rank_test([5.0] * 8, [5.0] * 9) == 1.0


def test_the_sides_are_alike():
    a, b = [1.0, 2.5, 3.0], [2.0, 4.0, 5.0, 6.0]
    assert rank_test(a, b) == rank_test(b, a)


def test_the_least_p_is_that_of_samples_wholly_apart():
    for first, second in ((1, 1), (3, 3), (4, 4), (10, 12)):
        assert rank_test(range(first), range(100, 100 + second)) == pytest.approx(smallest_p(first, second))
