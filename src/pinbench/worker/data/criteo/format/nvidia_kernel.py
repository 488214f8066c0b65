"""Word rows into the columns of NVIDIA's binary_dataset, compiled.

B rows, I integers; columns of one type are a group: G of them, P steps of the logarithm.
"""

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, SPARSE

_FIRST_DENSE = 1
_FIRST_SPARSE = SPARSE.start
_STRIP_ROWS = 1 << 11  # 320 KiB of words: in the second-level cache while each column is picked out of them


@compiled
def look_up_logs(
    words: npt.NDArray[np.int32],
    table: npt.NDArray[np.uint16],
    lowest: int,
    step_P: npt.NDArray[np.int32],
    half_P: npt.NDArray[np.uint16],
    half_BI: npt.NDArray[np.uint16],
) -> None:
    """Fill `half_BI` with what `table` has for each integer, from `lowest` on; what is below is as `lowest`.

    Integers beyond the table have the last of `half_P` whose `step_P` they reach; the table ends where steps begin.
    """
    low, high = np.int32(lowest), step_P[0]
    for row in range(len(words)):
        word, half = words[row], half_BI[row]
        for index in range(DENSE_FEATURES):
            value = max(word[_FIRST_DENSE + index], low)
            if value < high:
                half[index] = table[np.uint32(value - low)]
            else:
                half[index] = half_P[np.searchsorted(step_P, value, side="right") - 1]


@compiled
def narrow_columns(
    words: npt.NDArray[np.int32], columns_G: npt.NDArray[np.int64], narrow_GB: npt.NDArray[np.signedinteger]
) -> None:
    """Fill the rows of `narrow_GB` with the ids of the columns `columns_G`, in its type."""
    for begin in range(0, len(words), _STRIP_ROWS):
        strip = words[begin : begin + _STRIP_ROWS]
        for index in range(len(columns_G)):
            column, narrow_B = _FIRST_SPARSE + columns_G[index], narrow_GB[index, begin : begin + _STRIP_ROWS]
            for row in range(len(strip)):
                narrow_B[row] = strip[row, column]
