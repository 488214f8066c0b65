import math
import random

import numpy as np
import pytest
from scipy import stats

from pinbench.harness.report.sample import outliers, sample


def test_the_statistics_are_those_of_numpy_and_scipy():
    source = random.Random(1)
    values = [source.gauss(1.25e6, 3e4) for _ in range(11)]
    found = sample(values)
    low, high = stats.t.interval(0.95, 10, loc=np.mean(values), scale=stats.sem(values))
    expected = (np.mean(values), np.std(values, ddof=1), np.median(values), stats.gmean(values), low, high)
    assert (found.avg, found.std, found.med, found.geo, found.low95, found.high95) == pytest.approx(expected, rel=1e-6)
    assert found.cv == pytest.approx(100 * np.std(values, ddof=1) / np.mean(values), rel=1e-5)
    assert (found.n, found.min, found.max) == (11, min(values), max(values))


def test_an_even_n_has_the_mean_of_the_middle_two():
    assert sample([1.25e6, 10.0, 0.0, 30.0]).med == 20.0


def test_one_value_has_no_spread():
    found = sample([5.0])
    assert (found.avg, found.med, found.geo) == (5.0, 5.0, 5.0)
    assert (found.std, found.cv, found.low95, found.high95) == (None, None, None, None)


def test_zeros_have_neither_a_geometric_mean_nor_a_coefficient_of_variation():
    found = sample([0.0, 0.0, 0.0])
    assert (found.avg, found.std, found.geo, found.cv) == (0.0, 0.0, None, None)
    assert sample([-1.0, 1.0, 3.0]).geo is None


def test_a_coefficient_of_variation_is_never_negative():
    assert sample([-9.0, -10.0, -11.0]).cv == 10.0


def test_a_value_apart_is_an_outlier_and_does_not_hide_another():
    assert outliers([100.0, 101.0, 99.0, 100.5, 99.5, 400.0, 20.0]) == (5, 6)
    assert outliers([100.0, 101.0, 99.0, 100.5, 99.5]) == ()


def test_where_most_values_are_equal_the_mean_deviation_judges():
    assert outliers([5.0] * 9 + [5.1]) == (9,)
    assert outliers([5.0] * 5) == ()


def test_of_four_values_none_is_told_to_be_apart():
    assert outliers([1.0, 1.0, 1.0, 99.0]) == ()


def test_values_of_one_distribution_are_seldom_outliers():
    source = random.Random(2)
    found = [len(outliers([source.gauss(100, 1) for _ in range(10)])) for _ in range(200)]
    assert sum(found) / 2000 < 0.03
    assert not math.isnan(sum(found))
