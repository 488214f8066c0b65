"""Jumps in numpy's classic stream of random numbers, the Mersenne Twister MT19937, over any number of words.

The words x of the generator follow a linear recurrence over GF(2), so x[n + k] is the sum of those x[i + k] for which
t**n modulo its characteristic polynomial has the term t**i. A polynomial is a Python integer: bit i is the term t**i.

Source: M. Matsumoto, T. Nishimura, *Mersenne Twister: A 623-dimensionally equidistributed uniform pseudo-random number
generator*, ACM TOMACS 8(1), 1998: the constants in table II, the polynomial in appendix A. H. Haramoto et al.,
*Efficient Jump Ahead for F2-Linear Random Number Generators*, INFORMS JoC 20(3), 2008: the method.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

_WORDS = 624  # n: of a state
_MIDDLE = 397  # m
_LOWER_BITS = 31  # r: of the first word of a state, which do not take part
_WORD_BITS = 32  # w
_TWIST = 0x9908B0DF  # a
_UPPER = np.uint32(1 << _LOWER_BITS)
_LOWER = np.uint32((1 << _LOWER_BITS) - 1)
_DEGREE = _WORDS * _WORD_BITS - _LOWER_BITS

_SHORT_WORDS = 1 << 18  # up to here going through them is quicker than a polynomial of some 0.3 s

State = npt.NDArray[np.uint32]  # words behind which the stream goes on: numpy's key, of which all are used up


def seeded(seed: int) -> State:
    """Return the state of ``numpy.random.seed(seed)``; a seed from 0 to 2**32 - 1."""
    return _key(np.random.RandomState(seed))


def generator(state: State) -> np.random.RandomState:
    """Return numpy's classic generator at `state`, as if no normal number had been drawn before."""
    random = np.random.RandomState()
    random.set_state(("MT19937", state, _WORDS, 0, 0.0))
    return random


def advanced(state: State, words: int) -> State:
    """Return the state behind the next `words`."""
    if words <= _SHORT_WORDS:
        return _continued(state, words + _WORDS)[words:]
    return jumped(state, jump_polynomial(words))


@cache
def jump_polynomial(words: int) -> int:
    """Return what `jumped` needs for a jump over `words`."""
    power = 1
    for bit in format(words, "b"):
        # Squaring over GF(2) puts a zero between two bits: the digits of base 2 read in base 4.
        power = _remainder(int(format(power, "b"), 4) << int(bit))
    return power


def jumped(state: State, polynomial: int) -> State:
    """Return the state behind the words that `polynomial` stands for."""
    words = _continued(state, _DEGREE + _WORDS)
    sums = np.zeros(_WORDS, np.uint32)
    digits = np.frombuffer(format(polynomial, "b").encode(), np.uint8)[::-1]
    windows = np.lib.stride_tricks.sliding_window_view(words, _WORDS)
    for begin in range(0, len(digits), _WORDS):  # a part at a time: its windows fit a cache
        terms = np.flatnonzero(digits[begin : begin + _WORDS] == ord("1")) + begin
        sums ^= np.bitwise_xor.reduce(windows[terms], axis=0)
    return sums


def _key(random: np.random.RandomState) -> State:
    key = random.get_state(legacy=False)["state"]["key"]
    return np.array(key, np.uint32)


def _continued(state: State, count: int) -> State:
    """Return `state` and the words behind it, `count` in all, as the recurrence has them, before any tempering."""
    words = np.empty(count, np.uint32)
    words[:_WORDS] = state
    step = _WORDS - _MIDDLE  # so many new words depend on none of each other
    for begin in range(_WORDS, count, step):
        end = min(begin + step, count)
        old = words[begin - _WORDS : end - _WORDS]
        mixed = (old & _UPPER) | (words[begin - _WORDS + 1 : end - _WORDS + 1] & _LOWER)
        twist = np.where(mixed & np.uint32(1), np.uint32(_TWIST), np.uint32(0))
        words[begin:end] = words[begin - step : end - step] ^ (mixed >> np.uint32(1)) ^ twist
    return words


@cache
def _characteristic() -> int:
    """Return the characteristic polynomial: products of two binomials, one for each bit of the twist."""

    def times(polynomial: int, high: int, low: int) -> int:
        return (polynomial << high) ^ (polynomial << low)

    upper, lower = [1], [1]  # powers of (t**n + t**m) and of (t**(n - 1) + t**(m - 1))
    for _ in range(_WORD_BITS):
        upper.append(times(upper[-1], _WORDS, _MIDDLE))
        lower.append(times(lower[-1], _WORDS - 1, _MIDDLE - 1))
    kept = _WORD_BITS - _LOWER_BITS
    whole = upper[kept]
    result = _product(whole, lower[_LOWER_BITS])
    for bit in range(_WORD_BITS):
        if _TWIST >> bit & 1:
            lower_left = _LOWER_BITS - 1 - bit
            result ^= upper[_WORD_BITS - 1 - bit] if lower_left < 0 else _product(whole, lower[lower_left])
    return result


def _product(one: int, other: int) -> int:
    product = 0
    for bit, digit in enumerate(reversed(format(one, "b"))):
        if digit == "1":
            product ^= other << bit
    return product


def _remainder(polynomial: int) -> int:
    characteristic = _characteristic()
    while (excess := polynomial.bit_length() - 1 - _DEGREE) >= 0:
        polynomial ^= characteristic << excess
    return polynomial
