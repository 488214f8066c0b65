"""Polars: frames in memory, days read and decoded by all threads; ids by a join with the vocabulary of each column."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from _peers import DENSE, SPARSE, Work, read_rows, write_halves

_INTEGERS = [f"i{number}" for number in range(DENSE)]
_CATEGORIES = [f"c{number}" for number in range(SPARSE)]
_TYPES = {"label": pl.Int32} | dict.fromkeys(_INTEGERS, pl.Int32) | dict.fromkeys(_CATEGORIES, pl.String)


def prepare(work: Work) -> None:
    frames = [_read(day, work.max_ind_range).collect() for day in work.days]
    held_out = len(frames[-1])
    rows = pl.concat(frames)
    for name in _CATEGORIES:
        vocabulary = rows.select(pl.col(name).unique(maintain_order=True)).with_row_index("id")
        numbers = rows.select(name).join(vocabulary, on=name, how="left", maintain_order="left")["id"]
        rows = rows.with_columns(numbers.cast(pl.Int32).alias(name))
    train = rows.head(len(rows) - held_out).sample(fraction=1, shuffle=True, seed=0)
    _matrix(train).tofile(work.output / "terabyte_processed_train.bin")
    write_halves(work.output, _matrix(rows.tail(held_out)))


def train_rows(work: Work) -> Any:
    return read_rows(work.output / "terabyte_processed_train.bin")


def _read(path: Path, modulo: int) -> pl.LazyFrame:
    raw = pl.scan_csv(path, separator="\t", has_header=False, schema=_TYPES)
    return raw.with_columns(
        pl.col(_INTEGERS).fill_null(0).clip(0),
        pl.col(_CATEGORIES).fill_null("0").str.to_integer(base=16, dtype=pl.Int64) % modulo,
    )


def _matrix(rows: pl.DataFrame) -> Any:
    return np.ascontiguousarray(rows.cast(pl.Int32).to_numpy())
