"""log(x + 3) in float16, as NVIDIA's preprocessing gives it, by a table.

Source: NVIDIA/DeepLearningExamples at 729963d, PyTorch/Recommendation/DLRM/preproc: spark_data_utils.py:208-213 (the
logarithm, in float64), parquet_to_binary.py (float32), split_dataset.py:69-70 (float16: rounded twice).
"""

from functools import cache

import numpy as np
import numpy.typing as npt

_SHIFT = 3
_TABLE_SIZE = 1 << 16  # 128 KiB: nearly all integers of Criteo, and it stays in the cache of a core


def half_log(dense_BI: npt.NDArray[np.int32]) -> npt.NDArray[np.float16]:
    """Return log(x + 3) of `dense_BI`; 0 where the field is empty (`form.MISSING`) or x <= -3 (Spark's null)."""
    shifted_BI = dense_BI.astype(np.uint32) + np.uint32(_SHIFT)  # what is below -3, `MISSING` too, wraps to the far end
    log_BI = _table().take(shifted_BI, mode="clip")  # clips to the last entry
    large_BI = shifted_BI >= _TABLE_SIZE - 1
    if large_BI.any():
        log_BI[large_BI] = _exact(dense_BI[large_BI])
    return log_BI


@cache
def _table() -> npt.NDArray[np.float16]:
    return _exact(np.arange(-_SHIFT, _TABLE_SIZE - _SHIFT, dtype=np.int32))


def _exact(value: npt.NDArray[np.int32]) -> npt.NDArray[np.float16]:
    shifted = value.astype(np.float64) + _SHIFT
    log = np.log(shifted, where=shifted > 0, out=np.zeros_like(shifted))
    return log.astype(np.float32).astype(np.float16)
