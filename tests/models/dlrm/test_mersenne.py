"""Jumps in numpy's classic stream against drawing all that lies before."""

import numpy as np
import pytest

from pinbench.worker.models.dlrm import mersenne


def drawn_behind(words: int, seed: int = 727) -> np.random.RandomState:
    random = np.random.RandomState(seed)
    random._bit_generator.random_raw(words, output=False)
    return random


@pytest.mark.parametrize("words", [0, 1, 2, 226, 227, 623, 624, 625, 19_937, 100_003, 3_000_000])
@pytest.mark.parametrize("short", [0, 1 << 30])
def test_a_jump_is_as_if_all_words_before_had_been_drawn(words, short, monkeypatch):
    monkeypatch.setattr(mersenne, "_SHORT_WORDS", short)
    state = mersenne.advanced(mersenne.seeded(727), words)
    expected = drawn_behind(words)
    jumped = mersenne.generator(state)
    assert np.array_equal(jumped.random_sample(700), expected.random_sample(700))
    assert np.array_equal(jumped.normal(size=99), expected.normal(size=99))


def test_jumps_add_up():
    state = mersenne.seeded(0)
    once = mersenne.jumped(state, mersenne.jump_polynomial(3_000_000))
    twice = mersenne.jumped(once, mersenne.jump_polynomial(5_000_000))
    assert np.array_equal(mersenne.generator(twice).random_sample(9), drawn_behind(8_000_000, seed=0).random_sample(9))


def test_the_characteristic_polynomial_annihilates_the_stream():
    polynomial = mersenne._characteristic()
    assert polynomial.bit_length() - 1 == 19_937
    words = mersenne._continued(mersenne.seeded(3), 19_937 + 10_000)
    terms = [power for power in range(19_938) if polynomial >> power & 1]
    for begin in (1, 700, 9_000):  # of the first word of a state, 31 bits take no part
        assert np.bitwise_xor.reduce([words[begin + term] for term in terms]) == 0
