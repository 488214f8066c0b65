"""The MLPerf binary of DLRM: 160 bytes a row, memory-mapped; `schema` says what is in them.

B rows, I integers, F categories; `words` has shape (rows, 40).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFile
from pinbench.worker.data.criteo.counts import read_counts
from pinbench.worker.data.criteo.manifest import (
    CHUNK_ROWS,
    entry_of,
    read_manifest,
    verify_chunk,
    verify_size,
    verify_small,
)
from pinbench.worker.data.criteo.schema import (
    COUNTS_FILE,
    DENSE,
    DENSE_FEATURES,
    FIELDS,
    LABEL,
    ROW_BYTES,
    SPARSE,
    SPLITS,
    WORD,
    binary_name,
)

_INT32_END = 1 << 31
_SAMPLED_ROWS = 256  # on a disk that seeks, about two seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the processed form."""

    label_B: npt.NDArray[np.int32]
    dense_BI: npt.NDArray[np.int32]  # >= 0, no logarithm yet
    sparse_BF: npt.NDArray[np.int32]  # ids below the count of their column


class RowWriter:
    """A binary file that grows by whole rows and lies on the disk when it is closed."""

    def __init__(self, path: Path):
        """Create `path`.

        Raises:
            DataError: it cannot be created.
        """
        self.path = path
        self.rows = 0
        try:
            self._file: IO[bytes] = path.open("xb")
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as failure:
            raise DataError(f"cannot write {self.path}: {failure.strerror}") from failure
        finally:
            self._close()

    def append(self, rows: Rows) -> None:
        """Write `rows` after those that are there.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        words = np.empty((len(rows.label_B), FIELDS), WORD)
        words[:, LABEL] = rows.label_B
        words[:, DENSE] = rows.dense_BI
        words[:, SPARSE] = rows.sparse_BF
        try:
            self._file.write(words.data)
        except OSError as error:
            raise DataError(f"cannot write {self.path}: {error.strerror}") from error
        self.rows += len(words)

    def _close(self) -> None:
        try:
            self._file.close()
        except OSError as error:  # what was buffered still does not fit
            raise DataError(f"cannot write {self.path}: {error.strerror}") from error


class BinaryFile:
    """One split of a processed data set, mapped, its rows checked as they are read."""

    def __init__(self, directory: Path, split: str):
        """Map the file of `split` in `directory` and check its size, its counts and some of its rows.

        Raises:
            DataError: a file is missing, empty, truncated, not what was written, or does not fit its counts.
        """
        self.path = _find_split(directory, split)
        self._entry: DataFile | None = None
        self._verified: set[int] = set()
        self.counts = read_counts(directory)
        self._compare_with_manifest(directory)
        self._words = _map_words(self.path)
        self.rows = len(self._words)
        self._sample()

    @property
    def sha256(self) -> str | None:
        """The digest of the whole file that its manifest states; None without a manifest."""
        return None if self._entry is None else self._entry.sha256

    def read(self, begin: int, end: int) -> Rows:
        """Return the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        self._verify(begin, end)
        words = np.array(self._words[begin:end])
        self._check(words, range(begin, end))
        return Rows(label_B=words[:, LABEL], dense_BI=words[:, DENSE], sparse_BF=words[:, SPARSE])

    def _compare_with_manifest(self, directory: Path) -> None:
        manifest = read_manifest(directory)
        if manifest is None:
            return
        self._entry = entry_of(manifest, self.path)
        verify_size(self.path, self._entry)
        counts = directory / COUNTS_FILE
        verify_small(counts, entry_of(manifest, counts))

    def _sample(self) -> None:
        # A file of another layout or of other counts fails in its first rows, long before a model reads row 10**8.
        chosen = np.unique(np.linspace(0, self.rows - 1, _SAMPLED_ROWS).astype(np.int64))
        self._check(np.array(self._words[chosen]), chosen)

    def _verify(self, begin: int, end: int) -> None:
        if self._entry is None:
            return
        for index in range(begin // CHUNK_ROWS, -(-end // CHUNK_ROWS)):
            if index not in self._verified:
                chunk = self._words[index * CHUNK_ROWS : (index + 1) * CHUNK_ROWS]
                verify_chunk(self.path, self._entry, index, chunk.reshape(-1).view(np.uint8).data)
                self._verified.add(index)

    def _check(self, words: npt.NDArray[np.int32], numbers_B: range | npt.NDArray[np.int64]) -> None:
        limits = np.array([2, *[_INT32_END] * DENSE_FEATURES, *self.counts])
        bad = (words < 0) | (words >= limits)
        if bad.any():
            row, column = (int(index) for index in np.argwhere(bad)[0])
            what = (
                f"id {words[row, column]} in category {column - SPARSE.start + 1}, which has {limits[column]} ids"
                if column >= SPARSE.start
                else f"word {column} is {words[row, column]}"
            )
            raise DataError(
                f"{self.path}, row {int(numbers_B[row])}: {what}; the file has another layout, or its {COUNTS_FILE} "
                "belongs to another data set"
            )


def _find_split(directory: Path, split: str) -> Path:
    path = directory / binary_name(split)
    if path.is_file():
        return path
    if not directory.is_dir():
        raise DataError(f"no data set: {directory} is not a directory; check DATASET_DIR")
    there = [name for name in SPLITS if (directory / binary_name(name)).is_file()]
    found = f"it has {', '.join(there)}" if there else "make it with: pinbench data criteo --input FILE --output DIR"
    raise DataError(f"{directory} has no {path.name}; {found}")


def _map_words(path: Path) -> npt.NDArray[np.int32]:
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise DataError(f"{path} is empty; prepare the data again")
    if size_bytes % ROW_BYTES:
        raise DataError(
            f"{path} is truncated: {size_bytes} bytes are not a multiple of {ROW_BYTES}, the size of a row; "
            "copy it again"
        )
    try:
        words: npt.NDArray[np.int32] = np.memmap(path, dtype=WORD, mode="r").reshape(-1, FIELDS)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    return words
