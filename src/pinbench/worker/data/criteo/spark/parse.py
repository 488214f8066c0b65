"""Stage 1 on Spark: raw files into shards, a piece of a file in each task.

A plain file is cut in ranges of bytes; a gzip file is one piece, as it can only be read from its begin. The shards lie
in the folder of the job, which all machines share. A fault comes back as a value, not as an exception: Spark would try
again what fails the same way each time.
"""

import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.crew import Stop
from pinbench.worker.data.criteo.parse_journal import ParseJournal, ShardRecord
from pinbench.worker.data.criteo.parse_piece import Piece, Workshop, parse_piece
from pinbench.worker.data.criteo.progress import Stage
from pinbench.worker.data.criteo.spark.faults import task_faults

_WAVE = 4  # pieces of a core, after which the journal is written and the progress told


class PiecesOnSpark:
    """See `parse.RunPieces`."""

    def __init__(self, session: SparkSession):
        self._session = session
        self.width = max(1, session.sparkContext.defaultParallelism)

    def __call__(self, pieces: Sequence[Piece], shop: Workshop, most_rows: int | None) -> list[list[ShardRecord]]:
        """Return the shards of each piece.

        Raises:
            DataError: of the first piece with a fault.
        """
        records = []
        for wave in _waves(pieces, self.width * _WAVE):
            for piece, result in zip(wave, self._run(wave, shop, most_rows), strict=True):
                if result.fault is not None:
                    raise DataError(result.fault)
                for record in result.added:
                    shop.journal.add(record)
                shop.stage.advance(_size_bytes(piece), sum(record.rows for record in result.records))
                records.append(result.records)
        return records

    def _run(self, pieces: Sequence[Piece], shop: Workshop, most_rows: int | None) -> "list[_Result]":
        context = self._session.sparkContext
        work = _Work(
            folder=shop.folder,
            shard_bytes=shop.shard_bytes,
            shard_rows=shop.shard_rows,
            most_rows=most_rows,
            driver=socket.gethostname(),
        )
        tasks = [(_absolute(piece), tuple(shop.journal.kept(piece.input, piece.number))) for piece in pieces]
        with task_faults(self._session):
            results: list[_Result] = context.parallelize(tasks, len(tasks)).map(partial(_parse, work)).collect()
        return results


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What all tasks know."""

    folder: Path
    shard_bytes: int
    shard_rows: int
    most_rows: int | None
    driver: str  # the name of its machine


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of a piece."""

    records: list[ShardRecord]
    added: list[ShardRecord]  # those of them that were not there before
    fault: str | None = None


class _Pages(ParseJournal):
    """The part of a journal that concerns one piece, without a file: the driver keeps that."""

    def __init__(self, kept: Sequence[ShardRecord]):
        self._there = kept
        self.added: list[ShardRecord] = []

    def kept(self, number: int, piece: int) -> Sequence[ShardRecord]:
        return self._there

    def add(self, record: ShardRecord) -> None:
        self.added.append(record)


def _parse(work: _Work, task: tuple[Piece, tuple[ShardRecord, ...]]) -> _Result:
    piece, kept = task
    pages = _Pages(kept)
    shop = Workshop(
        folder=work.folder,
        journal=pages,
        stage=Stage("", None, time.monotonic, lambda stage: None),
        stop=Stop(),
        shard_bytes=work.shard_bytes,
        shard_rows=work.shard_rows,
        builders=[],
    )
    try:
        return _Result(records=parse_piece(piece, shop, work.most_rows), added=pages.added)
    except DataError as error:
        # A file may be there on one machine and not on another.
        where = "" if socket.gethostname() == work.driver else f" (on {socket.gethostname()})"
        return _Result(records=[], added=[], fault=f"{error}{where}")


def _waves(pieces: Sequence[Piece], width: int) -> Iterator[Sequence[Piece]]:
    for begin in range(0, len(pieces), width):
        yield pieces[begin : begin + width]


def _absolute(piece: Piece) -> Piece:
    return piece if piece.path is None else replace(piece, path=piece.path.absolute())


def _size_bytes(piece: Piece) -> int:
    if piece.begin is not None and piece.end is not None:
        return piece.end - piece.begin
    return 0 if piece.path is None else piece.path.stat().st_size
