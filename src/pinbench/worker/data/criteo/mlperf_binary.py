"""The binary of facebookresearch/dlrm, read: 160 bytes a row, memory-mapped; `schema` says what is in it.

`words` has shape (rows, 40).
"""

from collections.abc import Mapping, Set
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.counts import read_counts
from pinbench.worker.data.criteo.form import Rows
from pinbench.worker.data.criteo.format.mapped_file import MappedFile, verified_chunks
from pinbench.worker.data.criteo.manifest import entry_of, read_manifest, verify_small
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


class BinaryFile:
    """One split of a processed data set, mapped, its rows checked as they are read."""

    row_bytes = ROW_BYTES
    loaded_bytes = 0

    def __init__(self, directory: Path, split: str, counts_name: str = COUNTS_FILE):
        """Map the file of `split` in `directory` and check its size, its counts and some of its rows.

        Raises:
            DataError: a file is missing, empty, truncated, not what was written, or does not fit its counts.
        """
        self.path = _find_split(directory, split)
        self._counts_name = counts_name
        self.table_rows = read_counts(directory, counts_name)
        manifest = read_manifest(directory)
        if manifest is not None:
            counts = directory / counts_name
            verify_small(counts, manifest, entry_of(manifest, counts_name))
        self._file = MappedFile(directory, self.path.name, manifest)
        self.rows = _rows(self._file)
        self._sample()

    @property
    def sha256(self) -> str | None:
        """What its manifest says of the file; None without a manifest."""
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
        words = np.array(_as_words(self._file.read(begin * ROW_BYTES, end * ROW_BYTES)))
        self._check(words, range(begin, end))
        return Rows(label_B=words[:, LABEL], dense_BI=words[:, DENSE], sparse_BF=words[:, SPARSE])

    def _sample(self) -> None:
        # A file of another layout or of other counts fails in its first rows, long before a model reads row 10**8.
        chosen = np.unique(np.linspace(0, self.rows - 1, _SAMPLED_ROWS).astype(np.int64))
        self._check(np.array(_as_words(self._file.unverified)[chosen]), chosen)

    def _check(self, words: npt.NDArray[np.int32], numbers_B: range | npt.NDArray[np.int64]) -> None:
        limits = np.array([2, *[_INT32_END] * DENSE_FEATURES, *self.table_rows])
        bad = (words < 0) | (words >= limits)
        if bad.any():
            row, column = (int(index) for index in np.argwhere(bad)[0])
            what = (
                f"id {words[row, column]} in category {column - SPARSE.start + 1}, which has {limits[column]} ids"
                if column >= SPARSE.start
                else f"word {column} is {words[row, column]}"
            )
            raise DataError(
                f"{self.path}, row {int(numbers_B[row])}: {what}; the file has another layout, or its "
                f"{self._counts_name} belongs to another data set"
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


def _rows(file: MappedFile) -> int:
    if file.size_bytes % ROW_BYTES:
        raise DataError(
            f"{file.path} is truncated: {file.size_bytes} bytes are not a multiple of {ROW_BYTES}, the size of a row; "
            "copy it again"
        )
    return file.size_bytes // ROW_BYTES


def _as_words(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    words: npt.NDArray[np.int32] = data.view(WORD).reshape(-1, FIELDS)
    return words
