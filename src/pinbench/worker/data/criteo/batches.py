"""Batches that a model takes, all made before the gate: synthetic ones, and ones of a processed data set."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pinbench.base.errors import DataError
from pinbench.base.plugin import load_plugin
from pinbench.base.units import format_bytes
from pinbench.contract.data import DataFormat
from pinbench.contract.result import DataFacts
from pinbench.worker.data.criteo import format as formats
from pinbench.worker.data.criteo.all_ids import AllIds
from pinbench.worker.data.criteo.batch import Batch, cut
from pinbench.worker.data.criteo.detect import detect_format
from pinbench.worker.data.criteo.form import Reader, dense_features_of
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, capped_rows
from pinbench.worker.data.criteo.stream import Stream
from pinbench.worker.data.criteo.synthetic import synthetic_rows


def synthetic_batches(
    *,
    batch_size: int,
    count: int,
    table_rows: Sequence[int],
    alpha: float,
    seed: int,
    shard: int,
    dense_features: int = DENSE_FEATURES,
    hots: Sequence[int] = (),
) -> list[Batch]:
    """Return `count` different batches of random rows for tables of `table_rows`; see `synthetic`.

    `hots`: ids of a sample in each table; nothing: one. Of integers beyond Criteo's, the columns come again from the
    first one on.

    Raises:
        UsageError: `alpha` or `seed` is out of range.
    """
    rows = synthetic_rows(
        rows=batch_size * count, table_rows=table_rows, alpha=alpha, seed=seed, shard=shard, hots=hots
    )
    if dense_features != DENSE_FEATURES:
        columns_I = np.arange(dense_features) % DENSE_FEATURES
        rows = replace(rows, dense_BI=rows.dense_BI.take(columns_I, axis=1))
    return cut(rows, table_rows, None, batch_size, count)


def synthetic_facts(
    *, batch_size: int, count: int, alpha: float, seed: int, shard: int, hots: Sequence[int] = ()
) -> DataFacts:
    """Return what a record says of the batches that `synthetic_batches` makes of these."""
    ids = f"{sum(hots)} ids a sample, " if hots else ""
    detail = f"{ids}power law, alpha {alpha:g}, seed {seed}, shard {shard}"
    return DataFacts(name="criteo synthetic", rows=batch_size * count, detail=detail)


class Split:
    """One split of a processed data set, and the batches of each shard of it."""

    def __init__(
        self,
        reader: Reader,
        split: str,
        kind: DataFormat,
        max_ind_range: int | None,
        planted_auc: float | None = None,
    ) -> None:
        self.planted_auc = planted_auc  # of made-up rows: the area under the curve that the law of their labels reaches
        self._reader = reader
        self._split = split
        self._kind = kind
        self._max_ind_range = max_ind_range
        self.rows = reader.rows
        self.table_rows = capped_rows(reader.table_rows, max_ind_range)
        self.dense_features = dense_features_of(reader)
        self.hots = reader.hots if isinstance(reader, AllIds) else ()

    @property
    def feature_rows(self) -> tuple[int, ...]:
        """Ids of each category, also where `table_rows` has a column for each id."""
        begins = [0, *itertools.accumulate(self.hots)][:-1]
        return tuple(self.table_rows[begin] for begin in begins) if self.hots else self.table_rows

    def capped(self, max_ind_range: int | None) -> "Split":
        """Return the same rows, their ids modulo `max_ind_range`, without opening the files again."""
        return Split(self._reader, self._split, self._kind, max_ind_range, self.planted_auc)

    def batches(self, batch_size: int, shard: int, shards: int, count: int) -> list[Batch]:
        """Return `count` batches of consecutive rows of `shard`, from its first row on and round and round.

        Raises:
            DataError: there are fewer rows than shards, or the rows are not what was written.
        """
        begin, end = self._range(shard, shards)
        used = min(end - begin, batch_size * count)
        rows = self._reader.read(begin, begin + used)
        return cut(rows, self._reader.table_rows, self._max_ind_range, batch_size, count)

    def piece(self, begin: int, end: int) -> Batch:
        """Return the rows from `begin` to before `end`, whatever the shards.

        Raises:
            DataError: the rows are not what was written.
        """
        rows = self._reader.read(begin, end)
        return cut(rows, self._reader.table_rows, self._max_ind_range, end - begin, 1)[0]

    def facts(self, batch_size: int, shard: int, shards: int, count: int) -> DataFacts:
        """Return what a record says of the batches that `batches` makes of these.

        Raises:
            DataError: there are fewer rows than shards.
        """
        begin, end = self._range(shard, shards)
        parts = self._origin(shards, begin, end)
        if batch_size > end - begin:
            parts.append(f"{end - begin} rows repeated within each batch of {batch_size}")
        elif batch_size * count > end - begin:
            parts.append(f"{end - begin} rows, repeated to make {count} batches of {batch_size}")
        used = min(end - begin, batch_size * count)
        return DataFacts(name=f"criteo {self._split}", rows=used, detail=", ".join(parts))

    def stream(self, batch_size: int, shard: int, shards: int, *, threads: int, cpus: Collection[int]) -> Stream:
        """Begin to read all rows of `shard` ahead, on `cpus`, round and round; to be closed.

        Raises:
            DataError: there are fewer rows than shards.
        """
        begin, end = self._range(shard, shards)
        return Stream(
            self._reader,
            range(begin, end),
            self._max_ind_range,
            batch_size=batch_size,
            threads=threads,
            cpus=cpus,
        )

    def stream_rows(self, rows: range, batch_size: int, *, threads: int, cpus: Collection[int]) -> Stream:
        """Begin to read the rows of `rows` ahead, on `cpus`, round and round, whatever the shards; to be closed."""
        return Stream(self._reader, rows, self._max_ind_range, batch_size=batch_size, threads=threads, cpus=cpus)

    def stream_facts(self, batch_size: int, shard: int, shards: int) -> DataFacts:
        """Return what a record says of the batches that `stream` gives.

        Raises:
            DataError: there are fewer rows than shards.
        """
        begin, end = self._range(shard, shards)
        parts = [*self._origin(shards, begin, end), f"read by each step in batches of {batch_size}, round and round"]
        return DataFacts(name=f"criteo {self._split}", rows=end - begin, detail=", ".join(parts))

    def once_facts(self, rows: int) -> DataFacts:
        """Return what a record says of the first `rows` rows, each of them taken once."""
        which = "each row once" if rows == self.rows else f"each of the first {rows} of {self.rows} rows once"
        return DataFacts(name=f"criteo {self._split}", rows=rows, detail=", ".join([*self._origin(1, 0, rows), which]))

    def epoch_facts(self) -> DataFacts:
        """Return what a record says of all rows, each taken once an epoch."""
        detail = ", ".join([*self._origin(1, 0, self.rows), "each row once an epoch, in the order of the files"])
        return DataFacts(name=f"criteo {self._split}", rows=self.rows, detail=detail)

    def _origin(self, shards: int, begin: int, end: int) -> list[str]:
        sha256 = self._reader.sha256
        parts = [f"{self._kind} {self._reader.path}", f"sha256 {sha256}" if sha256 else "no manifest, so not verified"]
        if self._kind is DataFormat.MULTIHOT and not self.hots:
            parts.append("the first of the ids of each column")
        if self._reader.loaded_bytes:
            parts.append(f"packed, so {format_bytes(self._reader.loaded_bytes)} of it were unpacked into memory")
        return parts if shards == 1 else [*parts, f"rows {begin} to {end - 1} of {self.rows}"]

    def _range(self, shard: int, shards: int) -> tuple[int, int]:
        if self.rows < shards:
            raise DataError(
                f"{self._reader.path} has {self.rows} rows for {shards} instances; set INSTANCE_NUMBER to {self.rows} "
                "or less, or prepare more rows"
            )
        return self.rows * shard // shards, self.rows * (shard + 1) // shards


def open_split(dataset_dir: Path, split: str, max_ind_range: int | None, *, all_ids: bool = False) -> Split:
    """Return `split` ("train", "val" or "test") of the processed data set in `dataset_dir`, memory-mapped.

    Ids are taken modulo `max_ind_range`, as the reference does when it loads (data_loader_terabyte.py:77). With
    `all_ids`, those of a multi-hot set all come, each in a column of its own.

    Raises:
        DataError: the data set is missing, damaged, raw, of no known form, or, with `all_ids`, of one id a category.
    """
    kind = detect_format(dataset_dir)
    if kind is DataFormat.TSV:
        raise DataError(
            f"{dataset_dir} holds raw rows, which no model takes; prepare them with: pinbench data criteo --input "
            f"{dataset_dir}/* --output DIR"
        )
    if all_ids and kind is not DataFormat.MULTIHOT:
        raise DataError(
            f"DATASET_DIR={dataset_dir} is of the form {kind}, with one id in a category; this model takes several: "
            "prepare the rows with --format multihot"
        )
    manifest = read_manifest(dataset_dir)
    planted_auc = None if manifest is None else manifest.planted_auc
    reader = load_plugin(formats, kind).open_reader(dataset_dir, split)
    return Split(AllIds(reader) if all_ids else reader, split, kind, max_ind_range, planted_auc)
