"""The smallest integer of each day, for formats whose integers depend on it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.crew import Stop, run_all
from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.shard import read_dense


def day_minima(shards: Sequence[Path], days: Sequence[int], threads: int) -> list[int]:
    """Return for each day, `days` saying to which each of `shards` belongs, its smallest integer; an empty field is 0.

    Raises:
        DataError: a shard cannot be read.
    """
    minima = run_all([partial(_of_shard, shard) for shard in shards], threads, Stop())
    return [min(minima[index] for index, of in enumerate(days) if of == day) for day in range(max(days) + 1)]


def _of_shard(shard: Path) -> int:
    return int(_smallest(read_dense(shard)))


@compiled
def _smallest(dense_IB: npt.NDArray[np.int32]) -> np.int32:
    least = np.int32(2**31 - 1)
    for column in range(dense_IB.shape[0]):
        for row in range(dense_IB.shape[1]):
            value = dense_IB[column, row]
            least = min(least, np.int32(0) if value == MISSING else value)
    return least
