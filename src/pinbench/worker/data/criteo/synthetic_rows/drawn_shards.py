"""Made-up rows as shards, as if their raw files had been parsed."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from pinbench.contract.data import Repairs
from pinbench.worker.data.criteo.crew import Stop, run_all
from pinbench.worker.data.criteo.dictionary import Numbering
from pinbench.worker.data.criteo.parse import ParsedInput, ParsedInputs, ParsedShard
from pinbench.worker.data.criteo.progress import Progress, Stage
from pinbench.worker.data.criteo.schema import ROW_BYTES, SPARSE_FEATURES
from pinbench.worker.data.criteo.shard import Shard, is_whole, shard_rows, write_shard
from pinbench.worker.data.criteo.synthetic_rows.draw import Recipe, draw_rows

_LARGEST_SHARD_ROWS = 1 << 18  # about those of a parsed one
_SMALLEST_SHARD_ROWS = 1 << 12
_ROW_MEMORY_BYTES = 1024  # of a thread: a row's columns, local ids, dictionaries and hash tables, with room


class _Order(NamedTuple):
    path: Path
    day: int
    first_row: int
    rows: int


def draw_shards(
    recipe: Recipe, days: int, rows: int, folder: Path, memory_bytes: int, threads: int, progress: Progress
) -> ParsedInputs:
    """Write `rows` rows of each of `days` days as shards in `folder` and return where they are.

    Shards that an earlier call with the same arguments left there are kept.

    Raises:
        DataError: the disk is full.
    """
    size = memory_bytes // (threads * _ROW_MEMORY_BYTES)
    size = max(_SMALLEST_SHARD_ROWS, min(_LARGEST_SHARD_ROWS, size))
    orders = [
        _Order(folder / f"{day:03}-{number:06}.shard", day, first_row, min(size, rows - first_row))
        for day in range(days)
        for number, first_row in enumerate(range(0, rows, size))
    ]
    stop = Stop()
    with progress.stage("draw", days * rows * ROW_BYTES) as stage:
        run_all([partial(_draw_shard, recipe, order, stop, stage) for order in orders], threads, stop)
    return ParsedInputs(
        inputs=tuple(
            ParsedInput(
                name=f"day_{day}",
                size_bytes=None,
                shards=tuple(ParsedShard(path=order.path, rows=order.rows) for order in orders if order.day == day),
            )
            for day in range(days)
        ),
        repairs=Repairs(),
    )


def _draw_shard(recipe: Recipe, order: _Order, stop: Stop, stage: Stage) -> None:
    stop.check()
    if is_whole(order.path) and shard_rows(order.path) == order.rows:
        stage.skip(order.rows * ROW_BYTES, order.rows)
        return
    drawn = draw_rows(recipe, order.day, order.first_row, order.rows)
    numbering, columns = Numbering(), []
    for feature in range(SPARSE_FEATURES):
        stop.check()
        columns.append(numbering.number(drawn.hash_FB[feature], drawn.missing_B, feature))
    local_FB, dictionaries = zip(*columns, strict=True)
    shard = Shard(label_B=drawn.label_B, dense_IB=drawn.dense_IB, local_FB=local_FB, dictionaries=dictionaries)
    write_shard(order.path, shard)
    stage.advance(order.rows * ROW_BYTES, order.rows)
