"""facebookresearch/dlrm, Kaggle: kaggleAdDisplayChallenge_processed.npz, all rows in the order of the input.

Source: facebookresearch/dlrm at 090956e, data_utils.py:728-755 (the arrays), 930-946 (the rows of its seven "days"),
dlrm_data_pytorch.py (the last of them, halved, is test and val; train is shuffled when it is loaded). The archive is
not packed, so that it can be mapped; its arrays are the reference's.

K rows of a block, I integers, F categories.
"""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import numpy as np

from pinbench.base.errors import DataError, UsageError
from pinbench.worker.data.criteo.form import FirstSeen, Rows, Stream, Words, WriteOrders
from pinbench.worker.data.criteo.format.first_seen import first_seen
from pinbench.worker.data.criteo.format.held_out import Halves
from pinbench.worker.data.criteo.format.mapped_file import MappedFile, verified_chunks
from pinbench.worker.data.criteo.format.npz_file import Member, NpzArray, write_npz
from pinbench.worker.data.criteo.format.sized_file import SizedFile
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.schema import DENSE, DENSE_FEATURES, HASH_VALUES, LABEL, SPARSE, SPARSE_FEATURES

FILE = "kaggleAdDisplayChallenge_processed.npz"

_DAYS = 7
_HALVES = Halves("test", "val", first_has_odd_row=True)
_COLUMNS = "columns"
_ID, _INTEGER = np.dtype("<f8"), np.dtype("<i4")
_ROW_BYTES = SPARSE_FEATURES * _ID.itemsize + (DENSE_FEATURES + 1) * _INTEGER.itemsize


def ids(max_ind_range: int | None, frequency_limit: int | None) -> FirstSeen:
    """Return ids by first appearance, of categories modulo `max_ind_range` (None: all are kept).

    Raises:
        UsageError: the range is none, or there is a `frequency_limit`.
    """
    return first_seen("kaggle", HASH_VALUES, max_ind_range, frequency_limit)


def streams(assignment: str | None, day_rows: Sequence[int], is_shuffled: bool) -> tuple[Stream, ...]:
    """Return all rows as train, test and val, none of them shuffled: in the file they follow each other.

    Raises:
        UsageError: there is an `assignment`.
    """
    if assignment is not None:
        raise UsageError(
            f"--split {assignment} does not go with the kaggle format, which holds all rows: the last seventh is test "
            "and val"
        )
    return _streams(sum(day_rows))


def row_bytes() -> int:
    """Return how many bytes a row takes: while the file is made of its columns, both are there."""
    return 2 * _ROW_BYTES


def open_writer(orders: WriteOrders, is_resumed: bool) -> "Writer":
    """Return a writer into `orders.folder`; a resumed one keeps the files that are there.

    Raises:
        DataError: a file cannot be created, or there is too little space for it.
    """
    return Writer(orders, is_resumed)


def open_reader(directory: Path, split: str) -> "Reader":
    """Return `split` of the set in `directory`, ours or the reference's.

    Raises:
        DataError: it is missing, damaged or of another form.
    """
    return Reader(directory, split)


class Writer:
    """See `form.Writer`. Negative and missing integers become 0."""

    def __init__(self, orders: WriteOrders, is_resumed: bool):
        self._orders = orders
        self._rows = sum(orders.day_rows)
        folder = orders.folder / _COLUMNS
        self._sparse, self._dense, self._label = (
            SizedFile(folder / name, self._rows * row_bytes, is_resumed)
            for name, row_bytes in (
                ("X_cat", SPARSE_FEATURES * _ID.itemsize),
                ("X_int", DENSE_FEATURES * _INTEGER.itemsize),
                ("y", _INTEGER.itemsize),
            )
        )

    def write(self, stream: Stream, first_row: int, words: Words) -> None:
        """Write `words` as the rows from `first_row` on of `stream`.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        row = stream.begin + first_row
        self._sparse.write(row * SPARSE_FEATURES * _ID.itemsize, words[:, SPARSE].astype(_ID, order="C"))
        dense_KI = np.maximum(words[:, DENSE], 0).astype(_INTEGER, order="C")
        self._dense.write(row * DENSE_FEATURES * _INTEGER.itemsize, dense_KI)
        self._label.write(row * _INTEGER.itemsize, words[:, LABEL].astype(_INTEGER, order="C"))

    def close(self) -> None:
        """Close the files.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        for file in (self._sparse, self._dense, self._label):
            file.close()

    def finish(self) -> list[tuple[Path, int | None]]:
        """Put the arrays together; return the file. The columns stay, so that a stopped job can do it again.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        path = self._orders.folder / FILE
        try:
            self._put_together(path)
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror or error}") from error
        return [(Path(FILE), self._rows)]

    def _put_together(self, path: Path) -> None:
        self.close()
        columns, rows = self._orders.folder / _COLUMNS, self._rows
        np.array(self._orders.table_rows, _INTEGER).tofile(columns / "counts")
        members = [
            Member("X_cat", columns / "X_cat", _ID.str, (rows, SPARSE_FEATURES)),
            Member("X_int", columns / "X_int", _INTEGER.str, (rows, DENSE_FEATURES)),
            Member("y", columns / "y", _INTEGER.str, (rows,)),
            Member("counts", columns / "counts", _INTEGER.str, (SPARSE_FEATURES,)),
        ]
        write_npz(path, members)


class Reader:
    """See `form.Reader`."""

    row_bytes = _ROW_BYTES

    def __init__(self, directory: Path, split: str):
        self._file = _open(directory)
        self.path = self._file.path
        self._sparse = NpzArray(self._file, "X_cat", _ID.str, SPARSE_FEATURES)
        self._dense = NpzArray(self._file, "X_int", _INTEGER.str, DENSE_FEATURES)
        self._label = NpzArray(self._file, "y", _INTEGER.str, None)
        counts = NpzArray(self._file, "counts", _INTEGER.str, None)
        self.table_rows = tuple(int(count) for count in counts.read(0, counts.rows).astype(np.int64))
        arrays = (self._sparse, self._dense, self._label, counts)
        self.loaded_bytes = sum(array.loaded_bytes for array in arrays)
        all_rows = self._label.rows
        if (self._sparse.rows, self._dense.rows, counts.rows) != (all_rows, all_rows, SPARSE_FEATURES):
            raise DataError(f"{self.path}: its arrays do not have the same rows; prepare the data again")
        stream = next(stream for stream in _streams(all_rows) if stream.split == split)
        self._first_row = stream.begin
        self.rows = stream.rows

    @property
    def sha256(self) -> str | None:
        """What the manifest says of the file."""
        return self._file.sha256

    @property
    def verified(self) -> Mapping[Path, Set[int]]:
        """What has been compared with the manifest; see `form.Reader`."""
        return verified_chunks([self._file])

    def read(self, begin: int, end: int) -> Rows:
        """Return the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        first, last = self._first_row + begin, self._first_row + end
        rows = Rows(
            label_B=self._label.read(first, last).astype(np.int32),
            dense_BI=self._dense.read(first, last).astype(np.int32),
            sparse_BF=self._sparse.read(first, last).astype(np.int32),
        )
        bad_B = (rows.label_B < 0) | (rows.label_B > 1) | (rows.dense_BI < 0).any(axis=1)
        bad_B |= ((rows.sparse_BF < 0) | (rows.sparse_BF >= np.array(self.table_rows))).any(axis=1)
        if bad_B.any():
            row = first + int(bad_B.argmax())
            raise DataError(f"{self.path}, row {row}: a label, integer or id is out of range; prepare the data again")
        return rows


def _streams(rows: int) -> tuple[Stream, ...]:
    last = rows - rows // _DAYS  # of seven parts, those that have a row more come first
    middle = last + _HALVES.cut(rows - last)
    return (
        Stream(split="train", begin=0, end=last, is_shuffled=False),
        Stream(split="test", begin=last, end=middle, is_shuffled=False),
        Stream(split="val", begin=middle, end=rows, is_shuffled=False),
    )


def _open(directory: Path) -> MappedFile:
    if not (directory / FILE).is_file():
        raise DataError(
            f"{directory} has no {FILE}; make it with: pinbench data criteo --format kaggle --input train.txt "
            "--output DIR"
        )
    return MappedFile(directory, FILE, read_manifest(directory))
