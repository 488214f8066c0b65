"""torchrec's npy files: day_N_dense.npy, day_N_sparse.npy and day_N_labels.npy for each day.

Source: torchrec 1.9.2, datasets/criteo.py: 204-298 (integers, see `day_shift`), 448-554 (ids from 2 in the order of
first appearance over all days, 1 for what is rarer than the threshold), 557-712 (rows of all days but the last are
mixed, each day keeps its number of rows), 806-820 (the first half of the last day, rounded up, is val, the rest test;
ids modulo the rows of the tables when they are loaded).

Other than there, ids are exact: the reference shuffles them as float32, which rounds ids from 16,777,217 on and so
merges categories of the five large tables. And the modulo stays where it is there, at load: the files hold all ids,
`max_ind_range` is what a reader takes them modulo (its own, or that of the manifest).

B rows, I integers, F categories.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError, UsageError
from pinbench.worker.data.criteo.form import FirstSeen, IdRule, Rows, Stream, Words, WriteOrders
from pinbench.worker.data.criteo.format.day_files import (
    HALVES,
    Part,
    dense_name,
    find_days,
    labels_name,
    parts,
    require_shape,
    sparse_name,
    split_range,
)
from pinbench.worker.data.criteo.format.day_shift import settle_day, settled_log
from pinbench.worker.data.criteo.format.held_out import held_out_streams
from pinbench.worker.data.criteo.format.mapped_file import MappedFile
from pinbench.worker.data.criteo.format.npy_file import NpyReader, NpyWriter
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.schema import (
    DENSE,
    DENSE_FEATURES,
    HASH_VALUES,
    LABEL,
    SPARSE,
    SPARSE_FEATURES,
    capped_rows,
)

__all__ = ["ids", "open_reader", "open_writer", "row_bytes", "settle_day", "streams"]

# What MLPerf takes ids modulo for DLRM-DCNv2, and a reader where no manifest says more (dlrm, torchrec_dlrm/README.MD)
NUM_EMBEDDINGS = (
    40_000_000, 39_060, 17_295, 7_424, 20_265, 3, 7_122, 1_543, 63, 40_000_000, 3_067_956, 405_282, 10,
    2_209, 11_938, 155, 4, 976, 14, 40_000_000, 40_000_000, 40_000_000, 590_152, 12_973, 108, 36,
)  # fmt: skip

_FIRST_ID, _RARE_ID = 2, 1
_FLOAT, _INT = "<f4", "<i4"


def ids(max_ind_range: int | None, frequency_limit: int | None) -> IdRule:
    """Return ids from 2 by first appearance; 1 is a category seen less than `frequency_limit` (None: 0) times.

    Raises:
        UsageError: the limit is below 0.
    """
    minimum = frequency_limit or 0
    if minimum < 0:
        raise UsageError(f"--frequency-limit must be at least 0, got {minimum}")
    return FirstSeen(modulo=HASH_VALUES, first_id=_FIRST_ID, minimum=minimum, rare_id=_RARE_ID)


def streams(assignment: str | None, day_rows: Sequence[int], is_shuffled: bool) -> tuple[Stream, ...]:
    """Return which rows become which split: of the last day the first half, rounded up, is val, the rest test.

    Raises:
        UsageError: the last day is to be held out, but there is no other.
    """
    return held_out_streams(HALVES, assignment, day_rows, is_shuffled)


def row_bytes() -> int:
    """Return how many bytes a row takes."""
    return 4 * (1 + DENSE_FEATURES + SPARSE_FEATURES)


def open_writer(orders: WriteOrders, is_resumed: bool) -> "Writer":
    """Return a writer into `orders.folder`; a resumed one keeps the files that are there.

    Raises:
        DataError: a file cannot be created.
    """
    return Writer(orders, is_resumed)


def open_reader(directory: Path, split: str, max_ind_range: int | None = None) -> "Reader":
    """Return `split` of the set in `directory`, ids modulo `max_ind_range` (None: what the manifest says).

    Raises:
        DataError: it is missing, damaged or of another form.
    """
    return Reader(directory, split, max_ind_range)


class Writer:
    """See `form.Writer`."""

    def __init__(self, orders: WriteOrders, is_resumed: bool):
        self._day_rows = orders.day_rows
        self._days = [_DayWriter(orders.folder, day, rows, is_resumed) for day, rows in enumerate(orders.day_rows)]

    def write(self, stream: Stream, first_row: int, words: Words) -> None:
        """Write `words`, settled, as the rows from `first_row` on of `stream`: they may belong to several days.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        begin = stream.begin + first_row
        for part in parts(self._day_rows, begin, begin + len(words)):
            self._days[part.day].write(part.begin, words[part.place : part.place + part.end - part.begin])

    def finish(self) -> list[tuple[Path, int | None]]:
        """Close all files and return them.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        for day in self._days:
            day.close()
        return [
            (Path(name(day)), rows)
            for day, rows in enumerate(self._day_rows)
            for name in (dense_name, sparse_name, labels_name)
        ]


class Reader:
    """See `form.Reader`: one split, over several day files."""

    def __init__(self, directory: Path, split: str, max_ind_range: int | None):
        self.path = directory
        manifest = read_manifest(directory)
        days = find_days(directory, labels_name)
        self._labels = [NpyReader(MappedFile(directory, labels_name(day), manifest), _INT) for day in range(days)]
        self.day_rows = [file.rows for file in self._labels]
        self.begin, self.rows = split_range(directory, split, self.day_rows, manifest)
        self._dense = [NpyReader(MappedFile(directory, dense_name(day), manifest), _FLOAT) for day in range(days)]
        sparse = [MappedFile(directory, sparse_name(day), manifest) for day in range(days)]
        self._sparse = [NpyReader(file, _INT) for file in sparse]
        self.sha256 = max(sparse, key=lambda file: file.size_bytes).sha256
        if max_ind_range is None and manifest is not None:
            max_ind_range = manifest.max_ind_range
        self._id_limits = None if manifest is None else manifest.table_rows
        self.table_rows = capped_rows(self._id_limits or NUM_EMBEDDINGS, max_ind_range)
        for day, rows in enumerate(self.day_rows):
            require_shape(self._dense[day], directory / dense_name(day), rows, DENSE_FEATURES)
            require_shape(self._sparse[day], directory / sparse_name(day), rows, SPARSE_FEATURES)

    def read(self, begin: int, end: int) -> Rows:
        """Return the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        label_B, dense_BI = self.read_dense(begin, end)
        sparse_BF = np.empty((end - begin, SPARSE_FEATURES), np.int32)
        for part in self.parts(begin, end):
            ids_BF = self._sparse[part.day].read(part.begin, part.end)
            self._check_ids(part, ids_BF)
            sparse_BF[part.place : part.place + part.end - part.begin] = ids_BF
        sparse_BF %= np.array(self.table_rows, np.int32)
        return Rows(label_B=label_B, dense_BI=dense_BI, sparse_BF=sparse_BF)

    def read_dense(self, begin: int, end: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return labels and logarithms of the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        label_B = np.empty(end - begin, np.int32)
        dense_BI = np.empty((end - begin, DENSE_FEATURES), np.float32)
        for part in self.parts(begin, end):
            here = slice(part.place, part.place + part.end - part.begin)
            label_B[here] = self._labels[part.day].read(part.begin, part.end)[:, 0]
            dense_BI[here] = self._dense[part.day].read(part.begin, part.end)
            for row in np.flatnonzero(label_B[here].view(np.uint32) > 1):
                label = label_B[here][row]
                raise DataError(
                    f"{self.path / labels_name(part.day)}, row {part.begin + row}: label {label}, not 0 or 1"
                )
            for row, column in np.argwhere(~np.isfinite(dense_BI[here])):
                value = dense_BI[here][row, column]
                raise DataError(
                    f"{self.path / dense_name(part.day)}, row {part.begin + row}: number {column + 1} is {value}"
                )
        return label_B, dense_BI

    def _check_ids(self, part: Part, ids_BF: npt.NDArray[np.int32]) -> None:
        limits = np.array(self._id_limits or [1 << 31] * SPARSE_FEATURES, np.int64)
        for row, column in np.argwhere((ids_BF < 0) | (ids_BF >= limits)):
            raise DataError(
                f"{self.path / sparse_name(part.day)}, row {part.begin + row}: id {ids_BF[row, column]} in category "
                f"{column + 1}, which has {limits[column]} ids; the file is not the one that was prepared"
            )

    def parts(self, begin: int, end: int) -> Iterator[Part]:
        """Return where the rows `begin` to before `end` of the split lie."""
        return parts(self.day_rows, self.begin + begin, self.begin + end)


class _DayWriter:
    """The three files of a day, being written."""

    def __init__(self, folder: Path, day: int, rows: int, is_resumed: bool):
        self._dense = NpyWriter(folder / dense_name(day), _FLOAT, rows, DENSE_FEATURES, is_resumed)
        self._sparse = NpyWriter(folder / sparse_name(day), _INT, rows, SPARSE_FEATURES, is_resumed)
        self._labels = NpyWriter(folder / labels_name(day), _INT, rows, 1, is_resumed)

    def write(self, first_row: int, words: Words) -> None:
        self._dense.write(first_row, settled_log(words[:, DENSE]))
        self._sparse.write(first_row, words[:, SPARSE])
        self._labels.write(first_row, words[:, LABEL : LABEL + 1])

    def close(self) -> None:
        for file in (self._dense, self._sparse, self._labels):
            file.close()
