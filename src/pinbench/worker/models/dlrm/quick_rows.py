"""Rows of a seed by a compiled kernel: the bits of `SeededOrigin.rows`, where a store is to be filled with them."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import OperatorError
from pinbench.worker.models.dlrm.rows import SeededOrigin, WeightOrigin, Write
from pinbench.worker.ops.uniform import Uniform, Words, load_uniform, words_of


def quick_write(origin: WeightOrigin, cache_dir: Path) -> Write | None:
    """Return what writes the rows of `origin` fastest; None: there is nothing faster than to ask it for them."""
    if not isinstance(origin, SeededOrigin) or origin.width % 2:  # a draw makes two numbers of one row
        return None
    try:
        return _quick(origin, load_uniform(cache_dir))
    except OperatorError:
        return None  # numpy draws the same numbers, only later: nothing that a record would have to say


def _quick(origin: SeededOrigin, uniform: Uniform) -> Write:
    @cache
    def stream(table: int) -> Words:
        return words_of(origin.stream(table))

    def write(table: int, begin: int, target_RD: npt.NDArray[np.float32] | npt.NDArray[np.uint16]) -> None:
        bound = origin.bound(table)
        uniform(stream(table), begin * origin.width // 2, float(2 * bound), float(bound), target_RD)

    return write
