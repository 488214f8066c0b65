"""Stage 2: ids for the entries of the dictionaries of all shards, column by column.

The ids of a column lie in one file, shard after shard, in the order of the entries. A column is done when the file that
states its number of ids is there. Columns are worked on side by side, the largest first, as many at a time as their
tables fit in the memory: at least one, whatever it takes.

F columns.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Condition
from typing import Any

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import from_jsonable, read_json, write_json
from pinbench.worker.data.criteo.crew import Stop, run_all
from pinbench.worker.data.criteo.form import FirstSeen, IdRule
from pinbench.worker.data.criteo.progress import Progress, Stage
from pinbench.worker.data.criteo.schema import HASH_VALUES, SPARSE_FEATURES
from pinbench.worker.data.criteo.shard import read_dictionary, shard_entries
from pinbench.worker.data.criteo.vocabulary import BYTES_PER_KEY, Numbers, Vocabulary, settled

_BLOCK_ENTRIES = 1 << 20
_ID = np.dtype("<i4")
_LOOK_S = 1.0  # whether other work failed, while there is no memory


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What says that a column is done."""

    entries: int
    table_rows: int


class Ids:
    """The ids of all entries."""

    def __init__(self, folder: Path, begin_SF: npt.NDArray[np.int64], table_rows: tuple[int, ...]):
        self.table_rows = table_rows
        self._folder = folder
        self._begin_SF = begin_SF

    def of_shard(self, shard: int) -> list[Numbers]:
        """Return the id of each entry of each column's dictionary in `shard`."""
        return [self._read(column, *self._begin_SF[shard : shard + 2, column]) for column in range(SPARSE_FEATURES)]

    def _read(self, column: int, begin: int, end: int) -> Numbers:
        path = _ids_path(self._folder, column)
        ids: Numbers = np.fromfile(path, _ID, int(end - begin), offset=int(begin) * _ID.itemsize)
        return ids


def give_ids(
    rule: IdRule, shards: Sequence[Path], folder: Path, memory_bytes: int, threads: int, progress: Progress
) -> Ids:
    """Return the ids that `rule` gives to all entries of `shards`, which are in the order of their rows.

    Raises:
        DataError: the disk is full, a shard cannot be read, or a column has too many categories.
    """
    folder.mkdir(exist_ok=True)
    entries_SF = np.array([shard_entries(shard) for shard in shards], np.int64).reshape(-1, SPARSE_FEATURES)
    begin_SF = np.concatenate([np.zeros((1, SPARSE_FEATURES), np.int64), np.cumsum(entries_SF, axis=0)])
    sizes_F = begin_SF[-1]
    columns = [_Column(rule, column, shards, int(sizes_F[column]), folder) for column in range(SPARSE_FEATURES)]
    largest_first = sorted(columns, key=lambda column: -column.entries)
    memory, stop = _Memory(memory_bytes), Stop()
    total = int(sizes_F.sum())
    with progress.stage("ids", total * _ID.itemsize) as stage:

        def number(column: _Column) -> None:
            with memory.of(column.table_bytes, stop):
                column.number(stop, stage)

        pending = [column for column in largest_first if column.table_rows is None]
        done = total - sum(column.entries for column in pending)
        stage.skip(done * _ID.itemsize, 0)
        run_all([partial(number, column) for column in pending], threads, stop)
    return Ids(folder, begin_SF, tuple(column.known_table_rows for column in columns))


class _Column:
    """One column's way from dictionaries to ids."""

    def __init__(self, rule: IdRule, column: int, shards: Sequence[Path], entries: int, folder: Path):
        self.column = column
        self.entries = entries
        self._rule = rule
        self._shards = shards
        self._folder = folder

    @property
    def table_bytes(self) -> int:
        """How large the table can get, from above."""
        values = self._rule.modulo if isinstance(self._rule, FirstSeen) else HASH_VALUES
        return min(self.entries, values) * BYTES_PER_KEY

    @property
    def table_rows(self) -> int | None:
        """How many ids there are; None until it is done."""
        try:
            done = from_jsonable(_Done, read_json(_done_path(self._folder, self.column)))
        except RecordError:
            return None
        return done.table_rows if done.entries == self.entries else None

    @property
    def known_table_rows(self) -> int:
        """The same when it is done."""
        rows = self.table_rows
        assert rows is not None
        return rows

    def number(self, stop: Stop, stage: Stage) -> None:
        """Write the ids of all entries."""
        path = _ids_path(self._folder, self.column)
        numbers = path.with_suffix(".numbers")
        vocabulary = Vocabulary(self._rule)
        try:
            with numbers.open("wb", buffering=0) as file:
                for shard in self._shards:
                    stop.check()
                    number_D = vocabulary.add(read_dictionary(shard, self.column))
                    _write(file, number_D)
                    stage.advance(number_D.nbytes, 0)
            id_U, table_rows = vocabulary.settle()
            self._settle(numbers, path, id_U)
            write_json(_done_path(self._folder, self.column), _Done(entries=self.entries, table_rows=table_rows))
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error
        except RecordError as error:
            raise DataError(str(error)) from error

    def _settle(self, numbers: Path, path: Path, id_U: Numbers | None) -> None:
        if id_U is not None or settled(np.zeros(1, np.int32), id_U, self._rule)[0]:
            temporary = path.with_suffix(".settled")
            with numbers.open("rb") as source, temporary.open("wb", buffering=0) as target:
                while len(number_D := np.fromfile(source, _ID, _BLOCK_ENTRIES)):
                    _write(target, settled(number_D, id_U, self._rule))
            numbers.unlink()
            numbers = temporary
        with numbers.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(numbers, path)


class _Memory:
    """Lets columns begin as long as their tables fit together, and one in any case."""

    def __init__(self, limit_bytes: int):
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._condition = Condition()

    @contextmanager
    def of(self, size_bytes: int, stop: Stop) -> Iterator[None]:
        """Hold `size_bytes` for the time of a `with`."""
        with self._condition:
            while self._used_bytes and self._used_bytes + size_bytes > self._limit_bytes:
                self._condition.wait(_LOOK_S)
                stop.check()
            self._used_bytes += size_bytes
        try:
            yield
        finally:
            with self._condition:
                self._used_bytes -= size_bytes
                self._condition.notify_all()


def _write(file: Any, number_D: Numbers) -> None:
    content = np.ascontiguousarray(number_D, _ID).view(np.uint8).data
    while content:
        content = content[file.write(content) :]


def _ids_path(folder: Path, column: int) -> Path:
    return folder / f"column-{column}.ids"


def _done_path(folder: Path, column: int) -> Path:
    return folder / f"column-{column}.json"
