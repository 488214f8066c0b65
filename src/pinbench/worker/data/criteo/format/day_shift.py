"""Integers counted from the smallest of their day: what torchrec takes the logarithm of.

Source: torchrec 1.9.2, datasets/criteo.py:285-286: ``dense -= dense.min() - 2`` over all 13 columns of a day's file,
an empty field as 0, before days are mixed. So a row keeps the shift of the day that it came from.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.criteo.form import MISSING, Words

SMALLEST = 2  # of each day, then

_INT32_MAX = np.iinfo(np.int32).max
_TABLE_END = 1 << 16  # 256 KiB: nearly all integers of Criteo


def day_minimum(dense: npt.NDArray[np.int32]) -> int | None:
    """Return the smallest integer of `dense`, of any shape, an empty field counted as 0; None when there is none."""
    if not dense.size:
        return None
    smallest = int(dense.min())
    if smallest != MISSING:
        return smallest
    return int(dense.min(where=dense != MISSING, initial=0))


def settle_day(dense_BI: Words, day_minimum: int) -> None:
    """Count the integers of rows of one day from its smallest, which becomes 2; see `form.DayFormat`.

    What no longer fits 32 bits becomes the largest that does; in the reference it turns negative, its logarithm NaN.
    """
    shift = SMALLEST - day_minimum
    dense_BI[dense_BI == MISSING] = 0
    np.minimum(dense_BI, _INT32_MAX - max(shift, 0), out=dense_BI)
    dense_BI += np.int32(shift)


def settled_log(dense_BI: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Return the logarithms of settled integers, in float32 as the reference computes them (numpy's, to the bit)."""
    # Here: a reader, in a benchmark, has no need of numba.
    from pinbench.worker.data.criteo.format.log_kernel import look_up

    log_BI = np.empty(dense_BI.shape, np.float32)
    smallest, largest = look_up(dense_BI, _small_logs(), log_BI)
    if smallest < SMALLEST:
        raise AssertionError("rows came to the writer without settle_day")
    if largest >= _TABLE_END:
        is_large_BI = dense_BI >= _TABLE_END
        log_BI[is_large_BI] = np.log(dense_BI[is_large_BI].astype(np.float32))
    return log_BI


@cache
def _small_logs() -> npt.NDArray[np.float32]:
    return np.log(np.maximum(np.arange(_TABLE_END), 1).astype(np.float32))
