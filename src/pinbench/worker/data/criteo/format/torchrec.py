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

from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError, UsageError
from pinbench.worker.data.criteo.form import FirstSeen, IdRule, Rows, Stream, Words, WriteOrders
from pinbench.worker.data.criteo.format.day_files import (
    HALVES,
    Part,
    dense_name,
    labels_name,
    parts,
    require_shape,
    sparse_name,
)
from pinbench.worker.data.criteo.format.day_reader import DayReader
from pinbench.worker.data.criteo.format.day_shift import settle_day, settled_log
from pinbench.worker.data.criteo.format.held_out import held_out_streams
from pinbench.worker.data.criteo.format.npy_file import NpyReader, NpyWriter
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
_INT32_MAX = np.iinfo(np.int32).max


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
            self._days[part.day].write(part.begin, words[part.here])

    def close(self) -> None:
        """Close the files.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        for day in self._days:
            day.close()

    def finish(self) -> list[tuple[Path, int | None]]:
        """Close all files and return them.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        self.close()
        return [
            (Path(name(day)), rows)
            for day, rows in enumerate(self._day_rows)
            for name in (dense_name, sparse_name, labels_name)
        ]


class Reader:
    """See `form.Reader`: one split, over several day files."""

    row_bytes = row_bytes()
    loaded_bytes = 0

    def __init__(self, directory: Path, split: str, max_ind_range: int | None):
        self._days = DayReader(directory, split)
        self.path, self.rows = directory, self._days.rows
        manifest = self._days.manifest
        sparse = [self._days.map(sparse_name(day)) for day in range(len(self._days.day_rows))]
        self.sha256 = max(sparse, key=lambda file: file.size_bytes).sha256
        self._sparse = [NpyReader(file, _INT) for file in sparse]
        for file, rows in zip(self._sparse, self._days.day_rows, strict=True):
            require_shape(file, rows, SPARSE_FEATURES)
        if max_ind_range is None and manifest is not None:
            max_ind_range = manifest.max_ind_range
        table_rows = NUM_EMBEDDINGS if manifest is None else manifest.table_rows
        self.table_rows = capped_rows(table_rows, max_ind_range)
        self._limits = np.array(self.table_rows, np.int32)
        largest = [_INT32_MAX] * SPARSE_FEATURES if manifest is None else [rows - 1 for rows in table_rows]
        self._largest = np.array(largest, np.int32)

    @property
    def verified(self) -> Mapping[Path, Set[int]]:
        """What has been compared with the manifest; see `form.Reader`."""
        return self._days.verified

    def read(self, begin: int, end: int) -> Rows:
        """Return the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        label_B, dense_BI = self._days.read(begin, end)
        sparse_BF = np.empty((end - begin, SPARSE_FEATURES), np.int32)
        for part in self._days.parts(begin, end):
            sparse_BF[part.here] = self._sparse[part.day].read(part.begin, part.end)
            self._check(part, sparse_BF[part.here])
        if (sparse_BF >= self._limits).any():  # a division costs more than a look
            sparse_BF %= self._limits
        return Rows(label_B=label_B, dense_BI=dense_BI, sparse_BF=sparse_BF)

    def _check(self, part: Part, sparse_BF: npt.NDArray[np.int32]) -> None:
        is_id_BF = (sparse_BF >= 0) & (sparse_BF <= self._largest)
        if not is_id_BF.all():
            row, column = np.argwhere(~is_id_BF)[0]
            raise DataError(
                f"{self._sparse[part.day].path}, row {part.begin + row}: id {sparse_BF[row, column]} in category "
                f"{column + 1}, whose ids end at {self._largest[column]}; the file is not the one that was prepared"
            )


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
