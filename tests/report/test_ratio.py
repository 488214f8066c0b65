import random

import pytest

from pinbench.harness.report.ratio import ratio_of


def test_the_ratio_of_scaled_values_is_the_scale():
    found = ratio_of([1.0, 1.0, 1.0], [3.0, 3.0, 3.0], 0.95)
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)


def test_the_same_values_give_the_same_interval():
    base, new = [1.0, 1.1, 1.2, 0.9], [1.0, 1.3, 1.1, 1.2]
    assert ratio_of(base, new, 0.9) == ratio_of(base, new, 0.9)


def test_a_disturbed_run_moves_it_little():
    base = [100.0, 101.0, 99.0, 100.5, 99.5]
    assert ratio_of(base, [*base[:-1], 20.0], 0.95).value == pytest.approx(1, abs=0.01)


def test_more_confidence_is_a_wider_interval():
    source = random.Random(1)
    base, new = ([source.gauss(100, 5) for _ in range(10)] for _ in range(2))
    narrow, wide = (ratio_of(base, new, confidence) for confidence in (0.5, 0.99))
    assert wide.low < narrow.low <= narrow.value <= narrow.high < wide.high


def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr("pinbench.harness.report.ratio._RESAMPLES", 200)
    source = random.Random(2)
    hits = 0
    for _ in range(100):
        base = [source.gauss(100, 3) for _ in range(10)]
        new = [source.gauss(110, 3) for _ in range(10)]
        found = ratio_of(base, new, 0.9)
        hits += found.low <= 1.1 <= found.high
    assert 80 <= hits <= 99
