import pytest

from pinbench.harness.report.spread import half_width, variation


def test_variation_is_the_samples_deviation_over_its_mean() -> None:
    assert variation([9, 10, 11]) == pytest.approx(0.1)  # deviation 1 with n - 1, mean 10
    assert variation([-9, -10, -11]) == pytest.approx(0.1)
    assert variation([5, 5]) == 0


def test_one_value_and_a_mean_of_0_have_no_variation() -> None:
    assert variation([1]) is variation([]) is variation([-1, 1]) is half_width([1]) is None


def test_half_width_is_of_the_mean() -> None:
    # t(2) = 4.3027 times 1 / sqrt(3), over 10
    assert half_width([9, 10, 11]) == pytest.approx(0.24841, abs=1e-5)
