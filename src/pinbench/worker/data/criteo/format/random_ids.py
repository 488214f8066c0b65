"""numpy's legacy ``RandomState.randint``, compiled: the same numbers, several times as fast, in blocks of any size.

Source: M. Matsumoto, T. Nishimura, Mersenne Twister, ACM TOMACS 8(1), 1998 (MT19937); bounded numbers by the masks
and rejections that numpy keeps for the legacy generator (numpy/random/src/distributions/distributions.c).
"""

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled

_SIZE = 624
_MIDDLE = 397
_UPPER = np.uint32(0x80000000)
_LOWER = np.uint32(0x7FFFFFFF)
_TWIST = np.uint32(0x9908B0DF)


class RandomIds:
    """The numbers that ``numpy.random.seed(seed)`` and calls of ``numpy.random.randint(0, end, ...)`` give."""

    def __init__(self, seed: int):
        key = np.random.RandomState(seed).get_state(legacy=False)["state"]
        self._key = np.array(key["key"], np.uint32)
        self._position = int(key["pos"])

    def fill(self, end: int, numbers: npt.NDArray[np.int32]) -> None:
        """Fill `numbers`, flat, with the next ones below `end`."""
        self._position = _fill(self._key, self._position, np.uint32(end - 1), numbers)


@compiled
def _fill(key: npt.NDArray[np.uint32], position: int, largest: np.uint32, numbers: npt.NDArray[np.int32]) -> int:
    if largest == 0:  # numpy draws nothing for these
        numbers[:] = 0
        return position
    mask = largest
    for shift in (1, 2, 4, 8, 16):
        mask |= mask >> np.uint32(shift)
    place = 0
    while place < len(numbers):
        if position == _SIZE:
            _twist(key)
            position = 0
        number = _tempered(key[position]) & mask
        position += 1
        numbers[place] = number
        place += int(number <= largest)
    return position


@compiled
def _tempered(word: np.uint32) -> np.uint32:
    word ^= word >> np.uint32(11)
    word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
    word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
    return word ^ (word >> np.uint32(18))


@compiled
def _twist(key: npt.NDArray[np.uint32]) -> None:
    for index in range(_SIZE):
        word = (key[index] & _UPPER) | (key[(index + 1) % _SIZE] & _LOWER)
        odd = _TWIST if word & np.uint32(1) else np.uint32(0)
        key[index] = key[(index + _MIDDLE) % _SIZE] ^ (word >> np.uint32(1)) ^ odd
