"""Made-up rows as shards, as if their raw files had been parsed."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from pinbench.contract.data import Repairs, SynthesizeJob
from pinbench.worker.data.criteo.crew import Stop, run_all
from pinbench.worker.data.criteo.dictionary import Numbering
from pinbench.worker.data.criteo.parse import ParsedInput, ParsedInputs, ParsedShard, RunPieces
from pinbench.worker.data.criteo.progress import Progress, Stage
from pinbench.worker.data.criteo.schema import ROW_BYTES, SPARSE_FEATURES
from pinbench.worker.data.criteo.shard import Shard, is_whole, shard_rows, write_shard
from pinbench.worker.data.criteo.synthetic_rows.draw import Recipe, day_names, draw_rows

_LARGEST_SHARD_ROWS = 1 << 18  # about those of a parsed one
_SMALLEST_SHARD_ROWS = 1 << 12
_ROW_MEMORY_BYTES = 1024  # of a thread: a row's columns, local ids, dictionaries and hash tables, with room


class _Order(NamedTuple):
    path: Path
    day: int
    first_row: int
    rows: int


class DrawnDays:
    """The rows of a job as the source of a preparation."""

    def __init__(self, recipe: Recipe, job: SynthesizeJob, planted_auc: float):
        self.planted_auc = planted_auc
        self._recipe = recipe
        self._job = job

    def stamps(self) -> list[str]:
        """Return what each day was made from."""
        job = self._job
        tables = "Criteo's tables" if job.table_rows is None else f"tables {'-'.join(map(str, job.table_rows))}"
        return [f"{name}: {job.rows} made-up rows, seed {job.seed}, {tables}" for name in day_names(job.days)]

    def expected_rows(self) -> float:
        """Return how many rows there are."""
        return self._job.days * self._job.rows

    def shards(
        self, folder: Path, memory_bytes: int, threads: int, progress: Progress, run: RunPieces | None = None
    ) -> ParsedInputs:
        """Draw them; there are no pieces of files to `run`."""
        orders = [_orders(folder, day, self._job.rows, memory_bytes // threads) for day in range(self._job.days)]
        stop = Stop()
        with progress.stage("draw", self._job.days * self._job.rows * ROW_BYTES) as stage:
            run_all(
                [partial(_draw_shard, self._recipe, order, stop, stage) for of_day in orders for order in of_day],
                threads,
                stop,
            )
        return ParsedInputs(
            inputs=tuple(
                ParsedInput(
                    name=name,
                    size_bytes=None,
                    shards=tuple(ParsedShard(path=order.path, rows=order.rows) for order in of_day),
                )
                for name, of_day in zip(day_names(self._job.days), orders, strict=True)
            ),
            repairs=Repairs(),
        )


def _orders(folder: Path, day: int, rows: int, memory_bytes: int) -> list[_Order]:
    size = max(_SMALLEST_SHARD_ROWS, min(_LARGEST_SHARD_ROWS, memory_bytes // _ROW_MEMORY_BYTES))
    return [
        _Order(folder / f"{day:03}-{number:06}.shard", day, first_row, min(size, rows - first_row))
        for number, first_row in enumerate(range(0, rows, size))
    ]


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
