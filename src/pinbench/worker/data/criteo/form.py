"""What the stages of a preparation and the formats agree on: rows as words, id rules, streams, writers.

A word matrix is int32 with shape (rows, 40): label, 13 integers as they stand in the file (`MISSING` where the field
is empty), 26 ids.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.criteo.schema import DENSE_FEATURES

MISSING = np.iinfo(np.int32).min  # no raw integer has this value: they are counts, or -1 to -3

Words = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSeen:
    """Ids `first_id`, `first_id` + 1, ... in the order of first appearance; a missing category is the value 0.

    Values are taken modulo `modulo` before; those seen less than `minimum` times share the id `rare_id`.
    """

    modulo: int
    first_id: int = 0
    minimum: int = 0
    rare_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCount:
    """Ids 1, 2, ... by falling count, equal ones by rising value; 0 is missing, or seen less than `minimum` times."""

    minimum: int


IdRule = FirstSeen | ByCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Consecutive rows of the input, by their number over all days, that become rows of one split."""

    split: str  # train, val or test
    begin: int
    end: int
    is_shuffled: bool

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.end - self.begin


class Writer(Protocol):
    """Writes one data set in a folder. Several threads may call `write` at a time; the same block may come twice.

    All files have their full size from the start, so a block goes to its place whatever came before: a job that was
    killed writes again what it cannot be sure of.
    """

    def write(self, stream: Stream, first_row: int, words: Words) -> None:
        """Write `words` as the rows `first_row`, ... of `stream` (counted from the stream's own first row).

        What is in `words` afterwards is the writer's affair: nobody looks at them again.
        """
        ...

    def close(self) -> None:
        """Write no more: what was written is in the files, where others may go on writing."""
        ...

    def finish(self) -> Sequence[tuple[Path, int | None]]:
        """Make the set whole; return its files, relative to the folder, with the rows of each, counts last."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOrders:
    """All that a writer has to know before the first row comes."""

    folder: Path
    streams: tuple[Stream, ...]
    day_rows: tuple[int, ...]
    table_rows: tuple[int, ...]  # ids of each column: the largest id is one less
    max_ind_range: int | None
    frequency_limit: int | None
    seed: int
    threads: int = 1  # that `Writer.finish` may use


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a prepared split."""

    label_B: npt.NDArray[np.int32]
    dense_BI: npt.NDArray[np.int32] | npt.NDArray[np.float32]  # int32: >= 0, no logarithm yet; float32: with it
    sparse_BF: npt.NDArray[np.int32]  # ids below the rows of their table


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiHotRows(Rows):
    """Rows with several ids in a column, `sparse_BF` the first of each. H ids of a column."""

    hots_FBH: tuple[npt.NDArray[np.int32], ...]  # an array for each column, as H differs


def dense_features_of(reader: "Reader") -> int:
    """Return how many integers a row of `reader` has: as it says in `dense_features`, or as many as Criteo's."""
    return int(getattr(reader, "dense_features", DENSE_FEATURES))


class Reader(Protocol):
    """One split of a prepared data set, mapped; what it reads it has verified.

    One whose rows have another number of integers than Criteo's says so in an attribute `dense_features`.
    """

    @property
    def path(self) -> Path:
        """The file, or the folder, that the rows come from; for messages."""
        ...

    @property
    def rows(self) -> int:
        """How many rows the split has."""
        ...

    @property
    def table_rows(self) -> tuple[int, ...]:
        """Ids of each column."""
        ...

    @property
    def row_bytes(self) -> int:
        """How many bytes of the files a row takes."""
        ...

    @property
    def loaded_bytes(self) -> int:
        """What had to be unpacked into memory as a whole; 0 when all files are mapped."""
        ...

    @property
    def sha256(self) -> str | None:
        """What the manifest says of the split's largest file; None without a manifest."""
        ...

    @property
    def verified(self) -> Mapping[Path, Set[int]]:
        """The chunks of each of its files that reading has compared with the manifest so far."""
        ...

    def read(self, begin: int, end: int) -> Rows:
        """Return the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        ...


class Format(Protocol):
    """A module of `format`. What it does not support of a job it refuses with a UsageError in `ids` or `streams`."""

    def ids(self, max_ind_range: int | None, frequency_limit: int | None) -> IdRule:
        """Return how categories become ids."""
        ...

    def streams(self, assignment: str | None, day_rows: Sequence[int], is_shuffled: bool) -> tuple[Stream, ...]:
        """Return which rows become which split."""
        ...

    def row_bytes(self) -> int:
        """Return about how many bytes a row takes on the disk."""
        ...

    def open_writer(self, orders: WriteOrders, is_resumed: bool) -> Writer:
        """Return a writer into `orders.folder`; a resumed one keeps the files that are there."""
        ...

    def open_reader(self, directory: Path, split: str) -> Reader:
        """Return `split` of the data set in `directory`.

        Raises:
            DataError: it is missing, damaged or of another form.
        """
        ...


@runtime_checkable
class DayFormat(Protocol):
    """What a `Format` has besides where its integers depend on the day of their row, which a shuffle forgets."""

    def settle_day(self, dense_BI: Words, day_minimum: int) -> None:
        """Change, in place, integers of rows of one day as they stand in words, before the rows are shuffled.

        `day_minimum` is the smallest integer of all 13 columns of the whole day, an empty field counted as 0. Rows
        that a writer of the format gets are settled, those of streams that are not shuffled too.
        """
        ...
