"""MLPerf's multi-hot data for DLRM-DCNv2: torchrec's files, and day_N_sparse_multi_hot.npz for each day.

Source: facebookresearch/dlrm at 0422268, torchrec_dlrm/scripts/materialize_synthetic_multihot_dataset.py (ids modulo
the rows of their table, then looked up in `multi_hot_tables`; ``numpy.savez``, key "0" to "25", shape (rows, H)).
`max_ind_range` cuts the tables: min(E, max_ind_range) rows each.

The archives are made when all rows are at their place, a day in each thread, 16,384 rows at a time: 10 MB for each
thread, and the tables on the disk.

B rows, H ids of a column.
"""

from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.form import IdRule, MultiHotRows, Stream, Words, WriteOrders
from pinbench.worker.data.criteo.format import torchrec
from pinbench.worker.data.criteo.format.day_files import Part, require_shape, sparse_name
from pinbench.worker.data.criteo.format.day_reader import DayReader
from pinbench.worker.data.criteo.format.day_shift import settle_day
from pinbench.worker.data.criteo.format.mapped_file import MappedFile
from pinbench.worker.data.criteo.format.npy_file import NpyReader
from pinbench.worker.data.criteo.format.stored_zip import member_ranges
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, SPARSE_FEATURES, capped_rows

__all__ = ["ids", "open_reader", "open_writer", "row_bytes", "settle_day", "streams"]

# How many ids stand for one, of each column (training_results of DLRM-DCNv2; dlrm, torchrec_dlrm/README.MD)
HOTS = (3, 2, 1, 2, 6, 1, 1, 1, 1, 7, 3, 8, 1, 6, 9, 5, 1, 1, 1, 12, 100, 27, 10, 3, 1, 1)

_TABLES_FILE = ".multi_hot_tables"


def num_embeddings(max_ind_range: int | None) -> tuple[int, ...]:
    """Return the rows of each table: MLPerf's, at most `max_ind_range`."""
    return capped_rows(torchrec.NUM_EMBEDDINGS, max_ind_range)


def ids(max_ind_range: int | None, frequency_limit: int | None) -> IdRule:
    """Return ids as torchrec's; see `torchrec.ids`.

    Raises:
        UsageError: the limit is below 0.
    """
    return torchrec.ids(max_ind_range, frequency_limit)


def streams(assignment: str | None, day_rows: Sequence[int], is_shuffled: bool) -> tuple[Stream, ...]:
    """Return which rows become which split; see `torchrec.streams`.

    Raises:
        UsageError: the last day is to be held out, but there is no other.
    """
    return torchrec.streams(assignment, day_rows, is_shuffled)


def row_bytes() -> int:
    """Return how many bytes a row takes."""
    return torchrec.row_bytes() + 4 * sum(HOTS)


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


def hot_name(day: int) -> str:
    """Return the name of the archive of `day`."""
    return f"day_{day}_sparse_multi_hot.npz"


class Writer:
    """See `form.Writer`; the archives are made in `finish`."""

    def __init__(self, orders: WriteOrders, is_resumed: bool):
        self._orders = orders
        if not is_resumed:
            for path in (*self._archives(), orders.folder / _TABLES_FILE):
                path.unlink(missing_ok=True)
        self._one_hot = torchrec.open_writer(orders, is_resumed)

    def write(self, stream: Stream, first_row: int, words: Words) -> None:
        """Write `words`, settled, as the rows from `first_row` on of `stream`.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        self._one_hot.write(stream, first_row, words)

    def close(self) -> None:
        """Close the files.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        self._one_hot.close()

    def finish(self) -> list[tuple[Path, int | None]]:
        """Make the archives that are not there yet; return all files.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        files = self._one_hot.finish()
        folder = self._orders.folder
        missing = [day for day, path in enumerate(self._archives()) if not path.exists()]
        if missing:
            self._materialize(missing)
        (folder / _TABLES_FILE).unlink(missing_ok=True)
        return [*files, *((Path(hot_name(day)), rows) for day, rows in enumerate(self._orders.day_rows))]

    def _materialize(self, days: Sequence[int]) -> None:
        # Here: a reader of this form, in a benchmark, has no need of numba and isal.
        from pinbench.worker.data.criteo.format.hot_archive import write_archive
        from pinbench.worker.data.criteo.format.multi_hot_tables import open_tables

        rows = num_embeddings(self._orders.max_ind_range)
        folder = self._orders.folder
        tables = open_tables(folder / _TABLES_FILE, rows, HOTS, self._orders.table_rows)

        def write(day: int) -> None:
            one_hot = NpyReader(MappedFile(folder, sparse_name(day), None), "<i4")
            write_archive(folder / hot_name(day), one_hot, rows, tables)

        with ThreadPoolExecutor(self._orders.threads) as pool:
            for _ in pool.map(write, days):
                pass

    def _archives(self) -> list[Path]:
        return [self._orders.folder / hot_name(day) for day in range(len(self._orders.day_rows))]


class Reader:
    """See `form.Reader`: one split, over several archives; sets without the one-hot files too."""

    loaded_bytes = 0

    def __init__(self, directory: Path, split: str, max_ind_range: int | None):
        self._days = DayReader(directory, split)
        self.path, self.rows = directory, self._days.rows
        manifest = self._days.manifest
        archives = [self._days.map(hot_name(day)) for day in range(len(self._days.day_rows))]
        self.sha256 = max(archives, key=lambda file: file.size_bytes).sha256
        self._hots = [_columns(file, rows) for file, rows in zip(archives, self._days.day_rows, strict=True)]
        self.hots = tuple(column.columns for column in self._hots[0])
        self.row_bytes = 4 * (1 + DENSE_FEATURES + sum(self.hots))
        self._written = num_embeddings(None if manifest is None else manifest.max_ind_range)
        self.table_rows = capped_rows(self._written, max_ind_range)

    @property
    def verified(self) -> Mapping[Path, Set[int]]:
        """What has been compared with the manifest; see `form.Reader`."""
        return self._days.verified

    def read(self, begin: int, end: int) -> MultiHotRows:
        """Return the rows from `begin` to before `end`, copied; `sparse_BF` is the first id of each column.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        label_B, dense_BI = self._days.read(begin, end)
        hots_FBH = tuple(np.empty((end - begin, width), np.int32) for width in self.hots)
        for part in self._days.parts(begin, end):
            for column, hot_BH in enumerate(hots_FBH):
                hot_BH[part.here] = self._hots[part.day][column].read(part.begin, part.end)
                self._check(part, column, hot_BH[part.here])
        for hot_BH, rows in zip(hots_FBH, self.table_rows, strict=True):
            if hot_BH.size and hot_BH.max() >= rows:  # a division costs more than a look
                hot_BH %= np.int32(rows)
        sparse_BF = np.stack([hot_BH[:, 0] for hot_BH in hots_FBH], axis=1)
        return MultiHotRows(label_B=label_B, dense_BI=dense_BI, sparse_BF=sparse_BF, hots_FBH=hots_FBH)

    def _check(self, part: Part, column: int, hot_BH: npt.NDArray[np.int32]) -> None:
        limit = self._written[column]
        unsigned_BH = hot_BH.view(np.uint32)  # a negative id is a large one
        if unsigned_BH.max() >= limit:
            row, index = np.argwhere(unsigned_BH >= limit)[0]
            raise DataError(
                f"{self._hots[part.day][column].path}, row {part.begin + row}: id {hot_BH[row, index]} in category "
                f"{column + 1}, which has {limit} ids; the file is not the one that was prepared"
            )


def _columns(file: MappedFile, rows: int) -> list[NpyReader]:
    ranges = member_ranges(file)
    names = [f"{column}.npy" for column in range(SPARSE_FEATURES)]
    if sorted(ranges) != sorted(names):
        raise DataError(f"{file.path} does not hold the {SPARSE_FEATURES} columns 0 to 25; prepare the data again")
    columns = [NpyReader(file, "<i4", *ranges[name]) for name in names]
    for column in columns:
        require_shape(column, rows, column.columns)
    return columns
