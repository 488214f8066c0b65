"""Logarithms of small integers from a table, compiled; B rows, I integers."""

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled


@compiled
def look_up(
    value_BI: npt.NDArray[np.int32], table: npt.NDArray[np.float32], log_BI: npt.NDArray[np.float32]
) -> tuple[int, int]:
    """Fill `log_BI` from `table`, its last entry for what is beyond, its first for what is negative.

    Returns:
        The smallest and the largest value.
    """
    smallest, largest = np.int32(2**31 - 1), np.int32(-(2**31))
    last = np.int32(len(table) - 1)
    for row in range(len(value_BI)):
        value_I, log_I = value_BI[row], log_BI[row]
        for index in range(len(value_I)):
            value = value_I[index]
            smallest, largest = min(smallest, value), max(largest, value)
            log_I[index] = table[np.uint32(min(max(value, np.int32(0)), last))]
    return int(smallest), int(largest)
