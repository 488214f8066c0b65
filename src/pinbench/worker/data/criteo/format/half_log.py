"""log(x + 3) in float16, as NVIDIA's preprocessing gives it, and how it is looked up instead of computed.

Source: NVIDIA/DeepLearningExamples at 729963d, PyTorch/Recommendation/DLRM/preproc: spark_data_utils.py:208-213 (the
logarithm, in float64), parquet_to_binary.py (float32), split_dataset.py:69-70 (float16: rounded twice).
"""

from functools import cache

import numpy as np
import numpy.typing as npt

LOWEST = -3  # log(0): null in Spark, then 0, as for all below and for an empty field (`form.MISSING`)

_TABLE_END = 1 << 16  # 128 KiB: nearly all integers of Criteo, and it stays in the cache of a core
_INT32_MAX = np.iinfo(np.int32).max


def half_log(value: npt.NDArray[np.int32]) -> npt.NDArray[np.float16]:
    """Return log(x + 3) of each value, 0 where x <= -3."""
    shifted = value.astype(np.float64) - LOWEST
    log = np.log(shifted, where=shifted > 0, out=np.zeros_like(shifted))
    return log.astype(np.float32).astype(np.float16)


@cache
def small_logs() -> npt.NDArray[np.float16]:
    """Return the logarithms of -3, -2, ... up to where `log_steps` begin."""
    return half_log(np.arange(LOWEST, _TABLE_END, dtype=np.int32))


@cache
def log_steps() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float16]]:
    """Return the different logarithms of larger values, and the smallest value that has each."""
    ends = half_log(np.array([_TABLE_END, _INT32_MAX], np.int32))
    first, last = (int(bits) for bits in ends.view(np.uint16))  # positive floats are in the order of their bits
    half = np.arange(first, last + 1).astype(np.uint16).view(np.float16)
    below = np.full(len(half), _TABLE_END - 1, np.int64)  # bisection of all at once: below < step <= reached
    reached = np.full(len(half), _INT32_MAX, np.int64)
    while (reached - below > 1).any():
        middle = (below + reached) // 2
        is_reached = half_log(middle.astype(np.int32)) >= half
        below, reached = np.where(is_reached, below, middle), np.where(is_reached, middle, reached)
    return np.maximum(reached, _TABLE_END).astype(np.int32), half
