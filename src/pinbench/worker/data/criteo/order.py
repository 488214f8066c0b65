"""The order of shuffled rows: a key for each row, by which they are sorted.

Uniform: the key is the SplitMix64 of the row's number. It is a bijection, so no two rows have one key, and it depends
on seed and row alone.

Reference: the key grows with the place that the two passes of facebookresearch/dlrm give a row; see `reference_order`.

Keys use all 64 bits in either case, so that the same share of them is in each part of the range.

B rows.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.splitmix64 import random_word, scramble

_MASK = (1 << 64) - 1

Keys = npt.NDArray[np.uint64]


class Order(Protocol):
    """Gives the keys of rows."""

    def keys(self, begin: int, end: int) -> Keys:
        """Return the key of each row from `begin` to before `end`, numbered over all days, shape (B,)."""
        ...


class UniformOrder:
    """Each order of the rows is as likely as any other."""

    def __init__(self, seed: int):
        self._state = np.uint64(scramble(np.uint64(seed & _MASK)))

    def keys(self, begin: int, end: int) -> Keys:
        """Return the key of each row from `begin` to before `end`."""
        key_B = np.empty(end - begin, np.uint64)
        _uniform_keys(self._state, begin, key_B)
        return key_B


@compiled
def _uniform_keys(state: np.uint64, begin: int, key_B: Keys) -> None:
    for index in range(len(key_B)):
        key_B[index] = random_word(state, np.uint64(begin + index))
