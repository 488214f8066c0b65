"""Rows whose values decide the scales of a quantised model: never those that are measured where there are others."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import open_split, synthetic_batches
from pinbench.worker.data.criteo.detect import detect_format, splits_there

_BATCH_SIZE = 512
_BATCHES = 8
_PREFERRED = ("train", "val", "test")
_SHARD = (1 << 31) - 1  # of synthetic rows: no instance has this number

# Made when they are needed: scales that are kept from an earlier start need no rows.
MakeBatches = Callable[[], list[Batch]]


def real_calibration(dataset_dir: Path, max_ind_range: int, *, all_ids: bool = False) -> tuple[MakeBatches, str]:
    """Return what reads the data set's first train rows, else those of another split, and what they are.

    Raises:
        DataError: the data set is missing or damaged.
    """
    there = splits_there(dataset_dir, detect_format(dataset_dir))
    split = open_split(dataset_dir, next(name for name in _PREFERRED if name in there), max_ind_range, all_ids=all_ids)
    count = max(1, min(_BATCHES, split.rows // _BATCH_SIZE))
    facts = split.facts(_BATCH_SIZE, 0, 1, count)
    return lambda: split.batches(_BATCH_SIZE, 0, 1, count), f"{facts.rows} rows of {facts.name}: {facts.detail}"


def synthetic_calibration(
    table_rows: Sequence[int], alpha: float, seed: int, hots: Sequence[int] = ()
) -> tuple[MakeBatches, str]:
    """Return what makes up batches that no instance measures, and what they are."""

    def make() -> list[Batch]:
        return synthetic_batches(
            batch_size=_BATCH_SIZE, count=_BATCHES, table_rows=table_rows, alpha=alpha, seed=seed, shard=_SHARD,
            hots=hots,
        )  # fmt: skip

    return make, f"{_BATCH_SIZE * _BATCHES} made-up rows: power law, alpha {alpha:g}, seed {seed}"
