"""Raw files of made-up rows: day_0, day_1, ..., or the same with .gz."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from isal import igzip

from pinbench.base.errors import DataError
from pinbench.contract.data import PlantedFile, SynthesizeJob
from pinbench.worker.data.criteo.progress import Progress, Stage
from pinbench.worker.data.criteo.synthetic_rows.blocks import in_order
from pinbench.worker.data.criteo.synthetic_rows.draw import Recipe, day_names, draw_rows
from pinbench.worker.data.criteo.synthetic_rows.text import ROW_TEXT_BYTES, write_text

_PLAIN_ROW_BYTES, _GZIP_ROW_BYTES = 251, 88  # about; by Criteo's cardinalities

_BLOCK_ROWS = 1 << 13  # 2 MB of text; the bytes of a gzip file depend on it, each block is a member
_GZIP_LEVEL = 1  # igzip knows 0 to 3: 2 takes longer for 1 % less


@dataclass(frozen=True, slots=True)
class _Order:
    day: int
    first_row: int
    rows: int


@dataclass(frozen=True, slots=True)
class _Block:
    data: bytes | memoryview
    clicks: int


def raw_names(job: SynthesizeJob) -> list[str]:
    """Return the names of the files that `job` makes."""
    return [f"{name}.gz" if job.gzip else name for name in day_names(job.days)]


def raw_bytes(job: SynthesizeJob) -> int:
    """Return about how many bytes they have."""
    return job.days * job.rows * _row_bytes(job)


def write_raw_files(recipe: Recipe, job: SynthesizeJob, folder: Path, progress: Progress) -> list[PlantedFile]:
    """Write the files of `job` to `folder`, complete and on the disk.

    Raises:
        DataError: the disk is full, or another fault of the file system.
    """

    def work(order: _Order) -> _Block:
        return _block(recipe, order, job.gzip)

    files: list[PlantedFile] = []
    blocks = in_order(work, _orders(job), job.threads)
    with progress.stage("draw", raw_bytes(job)) as stage:
        for name in raw_names(job):
            try:
                with (folder / name).open("wb") as file:
                    files.append(_write_day(file, name, blocks, job, stage))
            except OSError as error:
                raise DataError(f"cannot write {folder / name}: {error.strerror}") from error
    return files


def _write_day(file: BinaryIO, name: str, blocks: Iterator[_Block], job: SynthesizeJob, stage: Stage) -> PlantedFile:
    clicks = 0
    for first_row in range(0, job.rows, _BLOCK_ROWS):
        block = next(blocks)
        file.write(block.data)
        clicks += block.clicks
        rows = min(_BLOCK_ROWS, job.rows - first_row)
        stage.advance(rows * _row_bytes(job), rows)
    file.flush()
    os.fsync(file.fileno())
    return PlantedFile(name=name, size_bytes=file.tell(), rows=job.rows, clicks=clicks)


def _row_bytes(job: SynthesizeJob) -> int:
    return _GZIP_ROW_BYTES if job.gzip else _PLAIN_ROW_BYTES


def _orders(job: SynthesizeJob) -> Iterator[_Order]:
    for day in range(job.days):
        for first_row in range(0, job.rows, _BLOCK_ROWS):
            yield _Order(day, first_row, min(_BLOCK_ROWS, job.rows - first_row))


def _block(recipe: Recipe, order: _Order, is_compressed: bool) -> _Block:
    rows = draw_rows(recipe, order.day, order.first_row, order.rows)
    text = np.empty(order.rows * ROW_TEXT_BYTES, np.uint8)
    data = text[: write_text(rows, text)].data
    clicks = int(rows.label_B.sum())
    return _Block(igzip.compress(data, _GZIP_LEVEL, mtime=0) if is_compressed else data, clicks)
