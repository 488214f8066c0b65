"""A file that has its full size from the start and is filled by blocks, each at its place, from several threads."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError


class SizedFile:
    """A file of `size_bytes`; what is never written reads as zeros."""

    def __init__(self, path: Path, size_bytes: int, is_resumed: bool):
        """Create `path` and the folders above it; a resumed one keeps what it holds.

        Raises:
            DataError: it cannot be created.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | (0 if is_resumed else os.O_TRUNC), 0o666)
            os.ftruncate(self._handle, size_bytes)
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error

    def write(self, offset_bytes: int, data: npt.NDArray[np.generic] | bytes) -> None:
        """Write `data`, contiguous in memory, from `offset_bytes` on; threads do not disturb each other.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        content = np.frombuffer(data, np.uint8).data
        try:
            while content:  # a single call writes 2 GiB at most (write(2))
                written = os.pwrite(self._handle, content, offset_bytes)
                content, offset_bytes = content[written:], offset_bytes + written
        except OSError as error:
            raise DataError(f"cannot write {self.path}: {error.strerror}") from error

    def sync(self) -> None:
        """Return when all of it is on the disk.

        Raises:
            DataError: it does not get there.
        """
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise DataError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Close it; it is not written to any more.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        try:
            os.close(self._handle)
        except OSError as error:
            raise DataError(f"cannot write {self.path}: {error.strerror}") from error
