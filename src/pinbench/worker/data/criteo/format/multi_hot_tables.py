"""The ids that stand for one id in MLPerf's multi-hot data: itself, and others drawn once for all rows.

Source: facebookresearch/dlrm at 0422268, torchrec_dlrm/multi_hot.py (``np.random.seed(0)`` once, then for each column
in order ``np.random.randint(0, E, size=(E, H - 1))``, the id before them).

The tables lie in one file, not in memory: 24 GB for MLPerf's columns of 40,000,000 ids, mapped, so that the page cache
holds what of them is in use. Rows that no id of the data needs are drawn, as the order of draws demands, and dropped.

R rows of a table, H ids of each.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.format.random_ids import RandomIds
from pinbench.worker.data.criteo.format.sized_file import SizedFile

_SEED = 0
_BLOCK_IDS = 1 << 20

Tables = Sequence[npt.NDArray[np.int32] | None]  # (rows, H) for each column; None where H is 1: an id stands for itself


def open_tables(path: Path, num_embeddings: Sequence[int], hots: Sequence[int], used: Sequence[int]) -> Tables:
    """Return the first `used` rows of the table of each column, drawn into the file `path` unless it is there.

    Raises:
        DataError: the disk is full, or another fault of the file system.
    """
    rows = [
        min(entries, ids) if width > 1 else 0 for entries, width, ids in zip(num_embeddings, hots, used, strict=True)
    ]
    if not path.exists():
        temporary = path.with_name(f"{path.name}.new")
        _draw(temporary, num_embeddings, hots, rows)
        os.replace(temporary, path)
    tables: list[npt.NDArray[np.int32] | None] = []
    begin = 0
    for count, width in zip(rows, hots, strict=True):
        tables.append(np.asarray(_mapped(path, begin, count, width)) if count else None)
        begin += 4 * count * width
    return tables


def _mapped(path: Path, begin: int, rows: int, width: int) -> npt.NDArray[np.int32]:
    try:
        return np.memmap(path, "<i4", mode="r", offset=begin, shape=(rows, width))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _draw(path: Path, num_embeddings: Sequence[int], hots: Sequence[int], rows: Sequence[int]) -> None:
    random = RandomIds(_SEED)
    file = SizedFile(path, 4 * sum(count * width for count, width in zip(rows, hots, strict=True)), is_resumed=False)
    begin = 0
    last = max((column for column, count in enumerate(rows) if count), default=-1)
    for column in range(last + 1):
        entries, width, count = num_embeddings[column], hots[column], rows[column]
        if width == 1:
            continue
        step = max(1, _BLOCK_IDS // width)
        # After the last row that is used of the last table nothing is drawn any more.
        for first in range(0, count if column == last else entries, step):
            block_RH = _block(random, first, min(step, entries - first), entries, width)
            file.write(begin + 4 * first * width, block_RH[: max(0, count - first)])
        begin += 4 * count * width
    file.close()


def _block(random: RandomIds, first: int, rows: int, entries: int, width: int) -> npt.NDArray[np.int32]:
    drawn = np.empty(rows * (width - 1), np.int32)
    random.fill(entries, drawn)
    block_RH = np.empty((rows, width), np.int32)
    block_RH[:, 0] = np.arange(first, first + rows)
    block_RH[:, 1:] = drawn.reshape(rows, width - 1)
    return block_RH
