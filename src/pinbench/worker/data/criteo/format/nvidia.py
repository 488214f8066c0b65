"""NVIDIA's binary_dataset: a file for each column, in the narrowest type, integers as float16 logarithms.

Source: NVIDIA/DeepLearningExamples at 729963d, PyTorch/Recommendation/DLRM/preproc: spark_data_utils.py (43-109 ids by
falling count over all days, an empty field in no vocabulary; 205 and 213 empty is 0), run_spark_cpu.sh:115-120 (the
first half of the last day, rounded down, is test, the rest validation), split_dataset.py:69-89 (the files).
Ids of equal counts are in no order there; here the smaller value comes first.

B rows, I integers, F categories, G of one type.
"""

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError, UsageError
from pinbench.worker.data.criteo.form import ByCount, IdRule, Rows, Stream, Words, WriteOrders
from pinbench.worker.data.criteo.format.feature_spec import (
    LABEL_FILE,
    NUMERICAL_FILE,
    SPEC_FILE,
    category_file,
    category_type,
    read_spec,
    spec_text,
)
from pinbench.worker.data.criteo.format.half_log import LOWEST, log_steps, small_logs
from pinbench.worker.data.criteo.format.held_out import Halves, held_out_streams
from pinbench.worker.data.criteo.format.mapped_file import MappedFile, verified_chunks
from pinbench.worker.data.criteo.format.sized_file import SizedFile
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, HASH_VALUES, LABEL, SPARSE, SPARSE_FEATURES

FOLDER = "binary_dataset"
SIZES_FILE = "model_size.json"  # the largest id of each column; the original leaves it beside the folder, too

_FREQUENCY_LIMIT = 15  # prepare_dataset.sh: 15 is its small set, 3 large, 2 xlarge
_HALVES = Halves("test", "val", first_has_odd_row=False)
_FOLDERS = {"train": "train", "val": "validation", "test": "test"}
_HALF = np.dtype("<f2")
_BLOCK_ROWS = 1 << 14  # bounds what a thread holds besides the words: 1.5 MB


def ids(max_ind_range: int | None, frequency_limit: int | None) -> IdRule:
    """Return ids by falling count; a category seen less than `frequency_limit` (None: 15) times is 0, as is none.

    Raises:
        UsageError: the limit is below 1, or there is a `max_ind_range`, which this form has no use for.
    """
    if max_ind_range not in (None, HASH_VALUES):
        raise UsageError(
            f"--max-ind-range {max_ind_range} does not go with the nvidia format, whose tables --frequency-limit bounds"
        )
    minimum = _FREQUENCY_LIMIT if frequency_limit is None else frequency_limit
    if minimum < 1:
        raise UsageError(f"--frequency-limit must be at least 1 for the nvidia format, got {minimum}")
    return ByCount(minimum=minimum)


def streams(assignment: str | None, day_rows: Sequence[int], is_shuffled: bool) -> tuple[Stream, ...]:
    """Return which rows become which split: of the last day the first half, rounded down, is test, the rest val.

    Raises:
        UsageError: the last day is to be held out, but there is no other.
    """
    return held_out_streams(_HALVES, assignment, day_rows, is_shuffled)


def row_bytes() -> int:
    """Return how many bytes a row takes at most."""
    return 1 + DENSE_FEATURES * _HALF.itemsize + SPARSE_FEATURES * 4


def open_writer(orders: WriteOrders, is_resumed: bool) -> "Writer":
    """Return a writer into `orders.folder`; a resumed one keeps the files that are there.

    Raises:
        DataError: a file cannot be created.
    """
    return Writer(orders, is_resumed)


def open_reader(directory: Path, split: str) -> "Reader":
    """Return `split` of the set in `directory`, ours or the original's (or its binary_dataset folder itself).

    Raises:
        DataError: it is missing, damaged or of another form.
    """
    return Reader(directory, split)


class Writer:
    """See `form.Writer`."""

    def __init__(self, orders: WriteOrders, is_resumed: bool):
        self._orders = orders
        self._types = [category_type(rows) for rows in orders.table_rows]
        self._splits = {
            stream.split: _SplitFiles(orders.folder / FOLDER / _FOLDERS[stream.split], stream, self._types, is_resumed)
            for stream in orders.streams
        }

    def write(self, stream: Stream, first_row: int, words: Words) -> None:
        """Write `words` as the rows from `first_row` on of `stream`.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        for begin in range(0, len(words), _BLOCK_ROWS):
            self._splits[stream.split].write(first_row + begin, words[begin : begin + _BLOCK_ROWS])

    def close(self) -> None:
        """Close the files.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        for split in self._splits.values():
            split.close()

    def finish(self) -> list[tuple[Path, int | None]]:
        """Write the spec and the sizes; return all files.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        folder = self._orders.folder
        self.close()
        sizes = {f"_c{SPARSE.start + column}": rows - 1 for column, rows in enumerate(self._orders.table_rows)}
        _write_text(folder / FOLDER / SPEC_FILE, spec_text(self._orders.table_rows))
        _write_text(folder / SIZES_FILE, json.dumps(sizes, indent=4))
        files: list[tuple[Path, int | None]] = [
            (path.relative_to(folder), split.rows) for split in self._splits.values() for path in split.paths
        ]
        return [*files, (Path(FOLDER, SPEC_FILE), None), (Path(SIZES_FILE), None)]


class Reader:
    """See `form.Reader`: any number of numerical and categorical features, as the spec says."""

    loaded_bytes = 0

    def __init__(self, directory: Path, split: str):
        self.path = _find_spec(directory)
        self._files = read_spec(self.path, _FOLDERS[split])
        self.table_rows = tuple(category.cardinality for category in self._files.categories)
        self.dense_features = self._files.numericals
        self._open(directory)
        self.rows = self._label.size_bytes
        self._compare_sizes()

    @property
    def row_bytes(self) -> int:
        """How many bytes a row takes, each column in its own type."""
        widths = [_type(category.dtype).itemsize for category in self._files.categories]
        return 1 + self._files.numericals * _HALF.itemsize + sum(widths)

    @property
    def sha256(self) -> str | None:
        """What the manifest says of the largest file."""
        return max(self._mapped, key=lambda file: file.size_bytes).sha256

    @property
    def verified(self) -> Mapping[Path, Set[int]]:
        """What has been compared with the manifest; see `form.Reader`."""
        return verified_chunks(self._mapped)

    def read(self, begin: int, end: int) -> Rows:
        """Return the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        label_B = self._label.read(begin, end)
        dense_BI = np.zeros((end - begin, self._files.numericals), np.float32)
        if self._numerical is not None:
            width = self._files.numericals * _HALF.itemsize
            dense_BI[:] = self._numerical.read(begin * width, end * width).view(_HALF).reshape(end - begin, -1)
        sparse_FB = np.empty((len(self._categories), end - begin), np.int32)
        for column, file in enumerate(self._categories):
            dtype = _type(self._files.categories[column].dtype)
            sparse_FB[column] = file.read(begin * dtype.itemsize, end * dtype.itemsize).view(dtype)
        self._check(begin, label_B, dense_BI, sparse_FB)
        return Rows(label_B=label_B.astype(np.int32), dense_BI=dense_BI, sparse_BF=sparse_FB.T)

    @property
    def _mapped(self) -> list[MappedFile]:
        return [self._label, *([self._numerical] if self._numerical else []), *self._categories]

    def _open(self, directory: Path) -> None:
        manifest = read_manifest(directory)
        prefix = self.path.parent.relative_to(directory).as_posix()

        def mapped(file: str) -> MappedFile:
            return MappedFile(directory, file if prefix == "." else f"{prefix}/{file}", manifest)

        self._label = mapped(self._files.label)
        self._numerical = None if self._files.numerical is None else mapped(self._files.numerical)
        self._categories = [mapped(category.file) for category in self._files.categories]

    def _compare_sizes(self) -> None:
        widths = [
            (file, _type(spec.dtype).itemsize)
            for file, spec in zip(self._categories, self._files.categories, strict=True)
        ]
        if self._numerical is not None:
            widths.append((self._numerical, self._files.numericals * _HALF.itemsize))
        for file, width in widths:
            if file.size_bytes != self.rows * width:
                raise DataError(
                    f"{file.path} has {file.size_bytes} bytes, not {self.rows * width}: {width} for each of the "
                    f"{self.rows} rows of {self._label.path.name}; copy it again"
                )

    def _check(
        self,
        begin: int,
        label_B: npt.NDArray[np.uint8],
        dense_BI: npt.NDArray[np.float32],
        sparse_FB: npt.NDArray[np.int32],
    ) -> None:
        if label_B.max(initial=0) > 1:
            row = int(np.argmax(label_B > 1))
            raise DataError(f"{self._label.path}, row {begin + row}: label {label_B[row]}, not 0 or 1")
        if not np.isfinite(dense_BI).all():
            row, column = (int(index) for index in np.argwhere(~np.isfinite(dense_BI))[0])
            raise DataError(f"{self.path.parent}, row {begin + row}: number {column + 1} is {dense_BI[row, column]}")
        for file, id_B, rows in zip(self._categories, sparse_FB, self.table_rows, strict=True):
            unsigned_B = id_B.view(np.uint32)  # a negative id is a large one
            if unsigned_B.max(initial=0) >= rows:
                row = int(np.argmax(unsigned_B >= rows))
                raise DataError(
                    f"{file.path}, row {begin + row}: id {id_B[row]}, but {self.path.name} gives it {rows} ids; they "
                    "belong to different data sets"
                )


class _SplitFiles:
    """The files of one split, being written."""

    def __init__(self, folder: Path, stream: Stream, types: Sequence[str], is_resumed: bool):
        self.rows = stream.rows
        self._numerical = SizedFile(folder / NUMERICAL_FILE, self.rows * DENSE_FEATURES * _HALF.itemsize, is_resumed)
        self._label = SizedFile(folder / LABEL_FILE, self.rows, is_resumed)
        self._categories = [
            SizedFile(folder / category_file(column), self.rows * np.dtype(name).itemsize, is_resumed)
            for column, name in enumerate(types)
        ]
        self._columns_of_type = {
            np.dtype(name): np.array([column for column, its in enumerate(types) if its == name]) for name in set(types)
        }

    @property
    def paths(self) -> list[Path]:
        return [file.path for file in self._files]

    @property
    def _files(self) -> list[SizedFile]:
        return [self._numerical, self._label, *self._categories]

    def write(self, first_row: int, words: Words) -> None:
        # Here: a reader of this form, in a benchmark, has no need of numba.
        from pinbench.worker.data.criteo.format.nvidia_kernel import narrow_columns

        self._numerical.write(first_row * DENSE_FEATURES * _HALF.itemsize, _half_logs(words))
        self._label.write(first_row, words[:, LABEL].astype(np.bool_))
        for dtype, columns_G in self._columns_of_type.items():
            narrow_GB = np.empty((len(columns_G), len(words)), dtype)
            narrow_columns(words, columns_G, narrow_GB)
            for column, narrow_B in zip(columns_G, narrow_GB, strict=True):
                self._categories[column].write(first_row * dtype.itemsize, narrow_B)

    def close(self) -> None:
        for file in self._files:
            file.close()


def _half_logs(words: Words) -> npt.NDArray[np.float16]:
    from pinbench.worker.data.criteo.format.nvidia_kernel import look_up_logs

    half_BI = np.empty((len(words), DENSE_FEATURES), _HALF)
    step_P, half_P = log_steps()
    look_up_logs(words, small_logs().view(np.uint16), LOWEST, step_P, half_P.view(np.uint16), half_BI.view(np.uint16))
    return half_BI


def _type(name: str) -> np.dtype[np.generic]:
    return np.dtype(name).newbyteorder("<")


def _find_spec(directory: Path) -> Path:
    if not directory.is_dir():
        raise DataError(f"no data set: {directory} is not a directory; check DATASET_DIR")
    for folder in (directory / FOLDER, directory):
        if (folder / SPEC_FILE).is_file():
            return folder / SPEC_FILE
    raise DataError(
        f"{directory} has no {FOLDER}/{SPEC_FILE}; make it with: pinbench data criteo --format nvidia --input FILE "
        "--output DIR"
    )


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
