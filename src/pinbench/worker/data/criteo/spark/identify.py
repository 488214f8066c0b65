"""Stage 2 on Spark: ids for the entries of the dictionaries of all shards.

A task that parsed has counted the values of its shard already, so what Spark groups are entries of dictionaries, not
rows: one for each value of a shard, which also means that no value is so frequent that its group gets too large.

An id is the rank of a value in its column, and a rank is found without sorting a column in one place: values fall in
bands, the ranks of a band begin after all those of the bands before it, and only within a band is anything sorted. For
ids by first appearance a band is the shard in which a value comes first, and its place there the entry; for ids by
falling count a band is a count, and a place is the value itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.broadcast import Broadcast
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as sql

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.form import ByCount, FirstSeen, IdRule
from pinbench.worker.data.criteo.schema import HASH_VALUES, SPARSE_FEATURES
from pinbench.worker.data.criteo.shard import read_dictionary
from pinbench.worker.data.criteo.spark.faults import task_faults

NO_COLUMN = -1  # a row of a shard that has no entry at all: each shard must come out of the join

_LARGEST_IDS = (1 << 31) - 2
_SHARD_SHIFT = 32
_ENTRIES = "column tinyint, key bigint, count bigint, shard int, entry int"


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkIds:
    """The ids of all entries: `frame` has shard, column, entry and id; entries that it lacks have `default`."""

    frame: DataFrame
    default: int
    table_rows: tuple[int, ...]


def give_ids(rule: IdRule, shards: Sequence[Path], session: SparkSession) -> SparkIds:
    """Return the ids that `rule` gives to all entries of `shards`, which are in the order of their rows.

    Raises:
        DataError: a shard cannot be read, or a column has too many categories.
    """
    entries = _entries(rule, session, session.sparkContext.broadcast(tuple(shards)), len(shards))
    values = _values(rule, entries).persist(StorageLevel.DISK_ONLY)
    with task_faults(session):
        counts = {row["column"]: row["ids"] for row in values.groupBy("column").agg(_count("ids")).collect()}
    if max(counts.values(), default=0) > _LARGEST_IDS:
        raise DataError(f"a column has more than {_LARGEST_IDS} categories; set --max-ind-range")
    numbered = _ranked(values).select("column", "key", (sql.col("rank") + _first_id(rule)).cast("int").alias("id"))
    # Where this side is small, as with a frequency limit, Spark finds so and sends it to all machines.
    frame = entries.join(numbered, ["column", "key"], "left").select("shard", "column", "entry", "id")
    return SparkIds(
        frame=frame,
        default=_default(rule),
        table_rows=tuple(_table_rows(rule, counts.get(column, 0)) for column in range(SPARSE_FEATURES)),
    )


def _entries(rule: IdRule, session: SparkSession, shards: "Broadcast[tuple[Path, ...]]", count: int) -> DataFrame:
    numbers = session.range(0, count, 1, min(count, int(session.conf.get("spark.sql.shuffle.partitions") or 1)))
    return numbers.mapInArrow(partial(_read_entries, rule, shards), _ENTRIES)


def _values(rule: IdRule, entries: DataFrame) -> DataFrame:
    """Return column and key of all values that have an id of their own, each with its band and its place there."""
    position = sql.shiftleft(sql.col("shard").cast("bigint"), _SHARD_SHIFT) + sql.col("entry")
    return (
        entries.filter(sql.col("column") != NO_COLUMN)
        .groupBy("column", "key")
        .agg(sql.sum("count").alias("count"), sql.min(position).alias("first"))
        .filter(sql.col("count") >= rule.minimum)
        .select("column", "key", *_band_and_place(rule))
    )


def _ranked(values: DataFrame) -> DataFrame:
    """Return column, key and rank of `values`."""
    in_band = Window.partitionBy("column", "band").orderBy("place")
    earlier = Window.partitionBy("column").orderBy("band").rowsBetween(Window.unboundedPreceding, -1)
    bands = values.groupBy("column", "band").agg(_count("size"))
    begins = bands.select("column", "band", sql.coalesce(sql.sum("size").over(earlier), sql.lit(0)).alias("begin"))
    ranks = values.withColumn("in_band", sql.row_number().over(in_band) - 1)
    return ranks.join(begins, ["column", "band"]).select(
        "column", "key", (sql.col("begin") + sql.col("in_band")).alias("rank")
    )


def _band_and_place(rule: IdRule) -> tuple[Column, Column]:
    if isinstance(rule, ByCount):
        return (-sql.col("count")).alias("band"), sql.col("key").alias("place")
    return sql.shiftright("first", _SHARD_SHIFT).alias("band"), sql.col("first").alias("place")


def _count(name: str) -> Column:
    return sql.count(sql.lit(1)).alias(name)


def _first_id(rule: IdRule) -> int:
    return rule.first_id if isinstance(rule, FirstSeen) else 1


def _default(rule: IdRule) -> int:
    return (rule.rare_id or 0) if isinstance(rule, FirstSeen) else 0


def _table_rows(rule: IdRule, ids: int) -> int:
    """Return how many ids a column has; see `Vocabulary.settle`, which the result must equal."""
    if isinstance(rule, ByCount):
        return ids + 1
    has_rare = rule.minimum > 1 or rule.rare_id is not None
    return max(rule.first_id + ids, _default(rule) + 1 if has_rare else 0)


def _read_entries(
    rule: IdRule, shards: "Broadcast[tuple[Path, ...]]", batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    modulo = np.uint64(rule.modulo if isinstance(rule, FirstSeen) else HASH_VALUES)
    for batch in batches:
        for shard in batch.column(0).to_pylist():
            yield _batch(NO_COLUMN, np.zeros(1, np.int64), np.zeros(1, np.int64), shard, np.zeros(1, np.int32))
            for column in range(SPARSE_FEATURES):
                dictionary = read_dictionary(shards.value[shard], column)
                entry_D = np.arange(len(dictionary.key_D), dtype=np.int32)
                if isinstance(rule, ByCount) and dictionary.missing is not None:
                    entry_D = np.delete(entry_D, dictionary.missing)  # has no id of its own
                key_D = dictionary.key_D[entry_D].astype(np.uint64) % modulo
                count_D = dictionary.count_D[entry_D].astype(np.int64)
                yield _batch(column, key_D.astype(np.int64), count_D, shard, entry_D)


def _batch(column: int, key_D: object, count_D: object, shard: int, entry_D: "np.ndarray") -> pa.RecordBatch:
    rows = len(entry_D)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.full(rows, column, np.int8)),
            pa.array(key_D),
            pa.array(count_D),
            pa.array(np.full(rows, shard, np.int32)),
            pa.array(entry_D),
        ],
        names=["column", "key", "count", "shard", "entry"],
    )
