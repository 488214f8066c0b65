"""A law over whole numbers as a table from which one random word draws a value, in the same few steps for any law.

The numbers are cut into CELLS ranges at most, each with a weight; within a range all are equally likely. Cells of one
size share the weights out so that each holds at most two ranges (the alias method: Walker 1977, Vose 1991). The upper
bits of a word choose the cell, the middle ones which of its two ranges, the lower ones the value. Weights are whole
numbers and sum to 2 ** 26, so the law that is drawn is known exactly.

K cells, R ranges.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CELL_BITS = 10
KEEP_BITS = 16
CELLS = 1 << CELL_BITS
_CELL_WEIGHT = 1 << KEEP_BITS
_WEIGHT = CELLS * _CELL_WEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """Ranges [low, low + width) and how one is drawn."""

    low_K: npt.NDArray[np.int64]
    width_K: npt.NDArray[np.uint64]  # 0: no range
    weight_K: npt.NDArray[np.int64]
    keep_K: npt.NDArray[np.uint64]  # of 2 ** 16: how often the cell gives its own range
    other_K: npt.NDArray[np.uint64]  # the range that it gives else

    @property
    def share_K(self) -> npt.NDArray[np.float64]:
        """How likely each range is."""
        return self.weight_K / _WEIGHT


def make_law(
    low_R: npt.NDArray[np.int64],
    width_R: npt.NDArray[np.int64],
    share_R: npt.NDArray[np.float64],
    floors_R: npt.NDArray[np.bool_],
) -> Law:
    """Return the law of these ranges; where `floors_R`, a range keeps one unit of weight however unlikely it is."""
    weight_R = np.rint(share_R * _WEIGHT).astype(np.int64)
    weight_R = np.maximum(weight_R, floors_R)
    weight_R[np.argmax(weight_R)] += _WEIGHT - weight_R.sum()
    pad = CELLS - len(low_R)
    weight_K = np.pad(weight_R, (0, pad))
    keep_K, other_K = _cells(weight_K.tolist())
    return Law(
        low_K=np.pad(low_R, (0, pad)),
        width_K=np.pad(width_R, (0, pad)).astype(np.uint64),
        weight_K=weight_K,
        keep_K=np.array(keep_K, np.uint64),
        other_K=np.array(other_K, np.uint64),
    )


def _cells(weight_K: list[int]) -> tuple[list[int], list[int]]:
    rest_K, other_K = list(weight_K), list(range(len(weight_K)))
    short = [cell for cell, rest in enumerate(rest_K) if rest < _CELL_WEIGHT]
    long = [cell for cell, rest in enumerate(rest_K) if rest > _CELL_WEIGHT]
    while short:
        cell, giver = short.pop(), long[-1]
        other_K[cell] = giver
        rest_K[giver] -= _CELL_WEIGHT - rest_K[cell]
        if rest_K[giver] <= _CELL_WEIGHT:
            long.pop()
        if rest_K[giver] < _CELL_WEIGHT:
            short.append(giver)
    # A giver's rest is what it keeps of its own cell; one that gave all above it keeps the whole.
    return rest_K, other_K
