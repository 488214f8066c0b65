"""Samples as facebookresearch/dlrm makes them up (dlrm_data_pytorch.py, generate_uniform_input_batch), bit by bit.

Dense features are uniform in [0, 1). A bag has round(U * most) ids, one at the least, each round(V * (rows - 1)); of
equal ones one stays, and the rest is sorted. All numbers come from numpy's classic stream, and a batch ends in one
number a sample that the reference takes for its target and inference has no use for.

B samples, I dense features, F sparse features, N ids of all bags together.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import torch

from pinbench.worker.data.bags.batch import BagBatch

_Numbers = npt.NDArray[np.float64]

_DRAWN = 1 << 16  # numbers at a time


def reference_batches(
    *, batch_size: int, dense: int, table_rows: Sequence[int], most: int, seed: int, shard: int
) -> Iterator[BagBatch]:
    """Yield batch after batch, without end.

    Args:
        batch_size: samples in each.
        dense: features.
        table_rows: rows of each table.
        most: ids of a bag before equal ones are dropped.
        seed: of ``numpy.random.seed``.
        shard: 0 is the reference's stream, all others are streams of their own.
    """
    # A list seeds the generator by all of its numbers (numpy, "RandomState.seed").
    stream = _Stream(np.random.RandomState([seed, shard] if shard else seed))
    while True:
        dense_BI = stream.take(batch_size * dense).reshape(batch_size, dense).astype(np.float32)
        by_table = [[_bag(stream, rows, most) for _ in range(batch_size)] for rows in table_rows]
        stream.take(batch_size)  # the targets
        yield _batch(dense_BI, by_table, table_rows)


class _Stream:
    """Numbers of a generator in their order, drawn many at a time: a call for each bag would take minutes."""

    def __init__(self, random: np.random.RandomState) -> None:
        self._random = random
        self._drawn = random.random_sample(0)
        self._next = 0

    def take(self, count: int) -> _Numbers:
        if self._next + count > len(self._drawn):
            rest = self._drawn[self._next :]
            self._drawn = np.concatenate([rest, self._random.random_sample(max(count, _DRAWN))])
            self._next = 0
        begin, self._next = self._next, self._next + count
        return self._drawn[begin : self._next]


def _bag(stream: _Stream, rows: int, most: int) -> _Numbers:
    """Return a number for each id of a bag."""
    share = float(stream.take(1)[0])
    return stream.take(round(max(1.0, share * min(rows, most))))  # both of Python and of numpy round halves to even


def _batch(
    dense_BI: npt.NDArray[np.float32], by_table: Sequence[Sequence[_Numbers]], table_rows: Sequence[int]
) -> BagBatch:
    """Return the batch of bags that were drawn table by table, each of different rows in ascending order."""
    samples, tables = len(dense_BI), len(table_rows)
    all_rows = sum(table_rows)
    first_rows = [0, *accumulate(table_rows)][:-1]
    keys = []
    for table, (bags, rows) in enumerate(zip(by_table, table_rows, strict=True)):
        row_N = np.round(np.concatenate(bags) * (rows - 1)).astype(np.int64) + first_rows[table]
        bag_N = np.repeat(np.arange(samples) * tables + table, [len(bag) for bag in bags])
        keys.append(bag_N * all_rows + row_N)
    key_N = np.unique(np.concatenate(keys))  # by bag, then by row
    ids_K = np.bincount(key_N // all_rows, minlength=samples * tables)
    return BagBatch(
        dense_BI=torch.from_numpy(dense_BI),
        row_N=torch.from_numpy(key_N % all_rows),
        offset_K=torch.from_numpy(np.concatenate([[0], np.cumsum(ids_K)])),
    )
