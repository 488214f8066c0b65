"""Batches that a model takes, all made before the gate: synthetic ones, and ones of a processed data set.

B rows of a batch, I integers, F categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pinbench.base.errors import DataError
from pinbench.contract.result import DataFacts
from pinbench.worker.data.criteo.form import Rows
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile
from pinbench.worker.data.criteo.schema import capped_rows
from pinbench.worker.data.criteo.synthetic import synthetic_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The rows of one step; each tensor is contiguous and has memory of its own."""

    dense_BI: Tensor  # float32, log(x + 1)
    sparse_BF: Tensor  # int64, 0 <= row < rows of the table
    label_B: Tensor | None  # float32, 0 or 1


def synthetic_batches(
    *, batch_size: int, count: int, table_rows: Sequence[int], alpha: float, seed: int, shard: int
) -> list[Batch]:
    """Return `count` different batches of random rows for tables of `table_rows`; see `synthetic`.

    Raises:
        UsageError: `alpha` or `seed` is out of range.
    """
    rows = synthetic_rows(rows=batch_size * count, table_rows=table_rows, alpha=alpha, seed=seed, shard=shard)
    return _cut(rows, None, batch_size, count)


def synthetic_facts(*, batch_size: int, count: int, alpha: float, seed: int, shard: int) -> DataFacts:
    """Return what a record says of the batches that `synthetic_batches` makes of these."""
    detail = f"power law, alpha {alpha:g}, seed {seed}, shard {shard}"
    return DataFacts(name="criteo synthetic", rows=batch_size * count, detail=detail)


class Split:
    """One split of a processed data set, and the batches of each shard of it."""

    def __init__(self, file: BinaryFile, split: str, max_ind_range: int | None):
        self._file = file
        self._split = split
        self._max_ind_range = max_ind_range
        self.rows = file.rows
        self.table_rows = capped_rows(file.table_rows, max_ind_range)

    def batches(self, batch_size: int, shard: int, shards: int, count: int) -> list[Batch]:
        """Return `count` batches of consecutive rows of `shard`, from its first row on and round and round.

        Raises:
            DataError: there are fewer rows than shards, or the rows are not what was written.
        """
        begin, end = self._range(shard, shards)
        used = min(end - begin, batch_size * count)
        return _cut(self._file.read(begin, begin + used), self._max_ind_range, batch_size, count)

    def facts(self, batch_size: int, shard: int, shards: int, count: int) -> DataFacts:
        """Return what a record says of the batches that `batches` makes of these.

        Raises:
            DataError: there are fewer rows than shards.
        """
        begin, end = self._range(shard, shards)
        sha256 = self._file.sha256
        parts = [str(self._file.path), f"sha256 {sha256}" if sha256 else "no manifest, so not verified"]
        if shards > 1:
            parts.append(f"rows {begin} to {end - 1} of {self.rows}")
        if batch_size > end - begin:
            parts.append(f"{end - begin} rows repeated within each batch of {batch_size}")
        elif batch_size * count > end - begin:
            parts.append(f"{end - begin} rows, repeated to make {count} batches of {batch_size}")
        used = min(end - begin, batch_size * count)
        return DataFacts(name=f"criteo {self._split}", rows=used, detail=", ".join(parts))

    def _range(self, shard: int, shards: int) -> tuple[int, int]:
        if self.rows < shards:
            raise DataError(
                f"{self._file.path} has {self.rows} rows for {shards} instances; set INSTANCE_NUMBER to {self.rows} "
                "or less, or prepare more rows"
            )
        return self.rows * shard // shards, self.rows * (shard + 1) // shards


def open_split(dataset_dir: Path, split: str, max_ind_range: int | None) -> Split:
    """Return `split` ("train", "val" or "test") of the processed data set in `dataset_dir`, memory-mapped.

    Ids are taken modulo `max_ind_range`, as the reference does when it loads (data_loader_terabyte.py:77).

    Raises:
        DataError: the data set is missing, damaged or of another form.
    """
    return Split(BinaryFile(dataset_dir, split), split, max_ind_range)


def _cut(rows: Rows, max_ind_range: int | None, batch_size: int, count: int) -> list[Batch]:
    # torch.log, as the reference (data_loader_terabyte.py:81): numpy's may differ in the last bit
    dense = torch.log(torch.from_numpy(rows.dense_BI).to(torch.float32) + 1)
    sparse = torch.from_numpy(rows.sparse_BF).to(torch.int64)
    if max_ind_range is not None:
        sparse %= max_ind_range
    label = torch.from_numpy(rows.label_B).to(torch.float32)
    batches = []
    for number in range(count):
        chosen_B = torch.from_numpy(np.arange(number * batch_size, (number + 1) * batch_size) % len(label))
        batches.append(Batch(dense_BI=dense[chosen_B], sparse_BF=sparse[chosen_B], label_B=label[chosen_B]))
    return batches
