"""DuckDB: one table, ids by a join with the vocabulary of each column, random order by ORDER BY."""

from typing import Any

import duckdb
import numpy as np

from _peers import DENSE, SPARSE, Work, read_rows, write_halves

_INTEGERS = [f"i{number}" for number in range(DENSE)]
_CATEGORIES = [f"c{number}" for number in range(SPARSE)]
_NAMES = ["label", *_INTEGERS, *_CATEGORIES]


def prepare(work: Work) -> None:
    with duckdb.connect(str(work.output / "work.duckdb")) as base:
        base.execute(f"SET threads = {work.threads:d}")
        _read(base, work)
        for name in _CATEGORIES:
            base.execute(
                f"CREATE TABLE v_{name} AS SELECT {name} AS value, row_number() OVER (ORDER BY min(place)) - 1 AS id "
                f"FROM rows GROUP BY {name}"
            )
        joins = " ".join(f"JOIN v_{name} ON rows.{name} = v_{name}.value" for name in _CATEGORIES)
        ids = ", ".join(f"v_{name}.id::INTEGER AS {name}" for name in _CATEGORIES)
        numbered = f"SELECT place, day, label, {', '.join(_INTEGERS)}, {ids} FROM rows {joins}"
        base.execute(f"CREATE TABLE numbered AS {numbered}")
        last = len(work.days) - 1
        chosen = f"SELECT {', '.join(_NAMES)} FROM numbered WHERE day"
        train = base.execute(f"{chosen} < ? ORDER BY hash(place)", [last]).fetchnumpy()
        _matrix(train).tofile(work.output / "terabyte_processed_train.bin")
        write_halves(work.output, _matrix(base.execute(f"{chosen} = ? ORDER BY place", [last]).fetchnumpy()))


def train_rows(work: Work) -> Any:
    return read_rows(work.output / "terabyte_processed_train.bin")


def _read(base: duckdb.DuckDBPyConnection, work: Work) -> None:
    types = {"label": "INTEGER"} | dict.fromkeys(_INTEGERS, "INTEGER") | dict.fromkeys(_CATEGORIES, "VARCHAR")
    integers = ", ".join(f"greatest(coalesce({name}, 0), 0) AS {name}" for name in _INTEGERS)
    categories = ", ".join(
        f"(('0x' || coalesce({name}, '0'))::BIGINT % {work.max_ind_range:d})::INTEGER AS {name}" for name in _CATEGORIES
    )
    base.execute("CREATE SEQUENCE places")
    for number, day in enumerate(work.days):
        verb = "INSERT INTO rows" if number else "CREATE TABLE rows AS"
        base.execute(
            f"{verb} SELECT nextval('places') AS place, {number:d} AS day, label, {integers}, {categories} "
            "FROM read_csv(?, delim = '\t', header = false, columns = ?, auto_detect = false)",
            [str(day), types],
        )


def _matrix(columns: dict[str, Any]) -> Any:
    return np.stack([columns[name] for name in _NAMES], axis=1)
