"""PySpark on this machine: ids by a join with the vocabulary of each column. It writes Parquet, its own form."""

from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as fn
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

from _peers import DENSE, SPARSE, Work

_INTEGERS = [f"i{number}" for number in range(DENSE)]
_CATEGORIES = [f"c{number}" for number in range(SPARSE)]
_NAMES = ["label", *_INTEGERS, *_CATEGORIES]
_FIELDS = [StructField(name, IntegerType()) for name in ("label", *_INTEGERS)]
_FIELDS += [StructField(name, StringType()) for name in _CATEGORIES]


def prepare(work: Work) -> None:
    session = (
        SparkSession.builder.master(f"local[{work.threads}]")
        .config("spark.driver.memory", "8g")
        .config("spark.sql.shuffle.partitions", 2 * work.threads)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    try:
        rows = _read(session, work).persist()
        for name in _CATEGORIES:
            order = Window.orderBy("first")
            seen = rows.groupBy(name).agg(fn.min("place").alias("first"))
            vocabulary = seen.select(name, (fn.row_number().over(order) - 1).alias(f"id_{name}"))
            vocabulary.write.parquet(str(work.output / f"vocabulary_{name}"))
        for name in _CATEGORIES:
            vocabulary = session.read.parquet(str(work.output / f"vocabulary_{name}"))
            rows = rows.join(vocabulary, name).drop(name).withColumnRenamed(f"id_{name}", name)
        numbered = rows.select("place", "day", *_NAMES)
        last = len(work.days) - 1
        train = numbered.where(fn.col("day") < last).orderBy(fn.rand(0)).select(*_NAMES)
        train.write.parquet(str(work.output / "train"))
        numbered.where(fn.col("day") == last).orderBy("place").select(*_NAMES).write.parquet(str(work.output / "last"))
    finally:
        session.stop()


def train_rows(work: Work) -> Any:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(work.output / "train")
    return np.stack([table.column(name).to_numpy() for name in _NAMES], axis=1).astype(np.int32)


def _read(session: SparkSession, work: Work) -> DataFrame:
    parts = [
        session.read.csv(str(day), schema=StructType(_FIELDS), sep="\t").select(
            # Within a file the numbers rise with the place; days come before them.
            (fn.lit(number) * (1 << 58) + fn.monotonically_increasing_id()).alias("place"),
            fn.lit(number).alias("day"),
            "label",
            *(fn.greatest(fn.coalesce(name, fn.lit(0)), fn.lit(0)).alias(name) for name in _INTEGERS),
            *(
                (fn.conv(fn.coalesce(name, fn.lit("0")), 16, 10).cast("long") % work.max_ind_range)
                .cast("int")
                .alias(name)
                for name in _CATEGORIES
            ),
        )
        for number, day in enumerate(work.days)
    ]
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.unionAll(part)
    return rows
