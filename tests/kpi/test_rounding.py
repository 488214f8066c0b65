import math

import pytest

from pinbench.harness.kpi.rounding import rounded


@pytest.mark.parametrize(
    ("value", "expected"),
    [(113186.178, 113186.18), (0.0670043001, 0.0670043), (2.5e-7, 2.5e-7), (0.0, 0.0), (-12.3456789, -12.3457)],
)
def test_six_digits_or_two_decimals_are_kept_whichever_is_finer(value, expected):
    assert rounded(value) == expected


def test_what_is_not_finite_stays_so_that_the_judge_sees_it():
    assert math.isnan(rounded(math.nan))
    assert rounded(math.inf) == math.inf
