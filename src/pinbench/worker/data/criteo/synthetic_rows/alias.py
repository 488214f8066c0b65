"""A law over whole numbers as a table from which one random word draws a value, in the same few steps for any law.

The numbers are cut into CELLS ranges at most, each with a weight; within a range all are equally likely. Cells of one
size share the weights out so that each holds at most two ranges (the alias method: Walker 1977, Vose 1991). The upper
bits of a word choose the cell, the middle ones which of its two ranges, the lower ones the value. Weights are whole
numbers and sum to 2 ** 26, so the law that is drawn is known exactly.

R ranges of a law, as many as cells.
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

    low_R: npt.NDArray[np.int64]
    width_R: npt.NDArray[np.uint64]  # 0: no range
    weight_R: npt.NDArray[np.int64]
    keep_R: npt.NDArray[np.uint64]  # of 2 ** 16: how often the cell gives its own range
    other_R: npt.NDArray[np.uint64]  # the range that it gives else

    @property
    def share_R(self) -> npt.NDArray[np.float64]:
        """How likely each range is."""
        return self.weight_R / _WEIGHT


def make_law(
    low_R: npt.NDArray[np.int64],
    width_R: npt.NDArray[np.int64],
    share_R: npt.NDArray[np.float64],
    floors_R: npt.NDArray[np.bool_],
) -> Law:
    """Return the law of these ranges, CELLS or fewer; where `floors_R`, one has a weight however unlikely it is."""
    weight_R = np.maximum(np.rint(share_R * _WEIGHT).astype(np.int64), floors_R)
    weight_R[np.argmax(weight_R)] += _WEIGHT - weight_R.sum()
    pad = (0, CELLS - len(low_R))
    weight_R = np.pad(weight_R, pad)
    keep_R, other_R = _cells(weight_R.tolist())
    return Law(
        low_R=np.pad(low_R, pad),
        width_R=np.pad(width_R, pad).astype(np.uint64),
        weight_R=weight_R,
        keep_R=np.array(keep_R, np.uint64),
        other_R=np.array(other_R, np.uint64),
    )


def _cells(weight_R: list[int]) -> tuple[list[int], list[int]]:
    rest_R, other_R = list(weight_R), list(range(len(weight_R)))
    short = [cell for cell, rest in enumerate(rest_R) if rest < _CELL_WEIGHT]
    long = [cell for cell, rest in enumerate(rest_R) if rest > _CELL_WEIGHT]
    while short:
        cell, giver = short.pop(), long[-1]
        other_R[cell] = giver
        rest_R[giver] -= _CELL_WEIGHT - rest_R[cell]
        if rest_R[giver] <= _CELL_WEIGHT:
            long.pop()
        if rest_R[giver] < _CELL_WEIGHT:
            short.append(giver)
    # A giver's rest is what it keeps of its own cell; one that gave all above it keeps the whole.
    return rest_R, other_R
