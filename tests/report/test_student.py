import pytest
from scipy import stats

from pinbench.harness.report.student import quantile, share_within


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 29, 30, 99, 500])
def test_quantiles_are_those_of_scipy(freedom):
    for confidence in (0.5, 0.9, 0.95, 0.99, 0.999):
        assert quantile(confidence, freedom) == pytest.approx(stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 2, 7, 8])
def test_shares_are_those_of_scipy(freedom):
    for t in (0.0, 0.3, 1.0, 5.0, 40.0):
        assert share_within(t, freedom) == pytest.approx(1 - 2 * stats.t.sf(t, freedom), abs=1e-12)
