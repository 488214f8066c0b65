"""Labels and logarithms of a split that lies in day files, which torchrec's forms share.

B rows, I integers.
"""

from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.format.day_files import (
    Part,
    dense_name,
    find_days,
    labels_name,
    parts,
    require_shape,
    split_range,
)
from pinbench.worker.data.criteo.format.mapped_file import MappedFile, verified_chunks
from pinbench.worker.data.criteo.format.npy_file import NpyReader
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.schema import DENSE_FEATURES


class DayReader:
    """What a split has besides its ids, and where those are."""

    def __init__(self, directory: Path, split: str):
        """Map the files.

        Raises:
            DataError: one is missing, damaged or of another form.
        """
        self.path = directory
        self.manifest = read_manifest(directory)
        self._mapped: list[MappedFile] = []
        self._labels = [NpyReader(self.map(labels_name(day)), "<i4") for day in range(find_days(directory))]
        self._dense = [NpyReader(self.map(dense_name(day)), "<f4") for day in range(len(self._labels))]
        self.day_rows = [file.rows for file in self._labels]
        self._begin, self.rows = split_range(directory, split, self.day_rows, self.manifest)
        for labels, dense in zip(self._labels, self._dense, strict=True):
            require_shape(labels, labels.rows, 1)
            require_shape(dense, labels.rows, DENSE_FEATURES)

    def map(self, name: str) -> MappedFile:
        """Return the file `name` of the set, mapped.

        Raises:
            DataError: it is missing, empty, or not what the manifest says.
        """
        self._mapped.append(MappedFile(self.path, name, self.manifest))
        return self._mapped[-1]

    @property
    def verified(self) -> Mapping[Path, Set[int]]:
        """What has been compared with the manifest; see `form.Reader`."""
        return verified_chunks(self._mapped)

    def parts(self, begin: int, end: int) -> Iterator[Part]:
        """Return where the rows `begin` to before `end` of the split lie."""
        return parts(self.day_rows, self._begin + begin, self._begin + end)

    def read(self, begin: int, end: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return labels and logarithms of the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        label_B = np.empty(end - begin, np.int32)
        dense_BI = np.empty((end - begin, DENSE_FEATURES), np.float32)
        for part in self.parts(begin, end):
            labels, dense = self._labels[part.day], self._dense[part.day]
            label_B[part.here] = labels.read(part.begin, part.end)[:, 0]
            dense_BI[part.here] = dense.read(part.begin, part.end)
            self._check(part, label_B[part.here], dense_BI[part.here])
        return label_B, dense_BI

    def _check(self, part: Part, label_B: npt.NDArray[np.int32], dense_BI: npt.NDArray[np.float32]) -> None:
        if label_B.view(np.uint32).max() > 1:
            row = int(np.argmax(label_B.view(np.uint32) > 1))
            path = self._labels[part.day].path
            raise DataError(f"{path}, row {part.begin + row}: label {label_B[row]}, not 0 or 1")
        if not np.isfinite(dense_BI).all():
            row, column = np.argwhere(~np.isfinite(dense_BI))[0]
            path = self._dense[part.day].path
            raise DataError(f"{path}, row {part.begin + row}: number {column + 1} is {dense_BI[row, column]}")
