"""A file that has its full size from the start and is filled by blocks, each at its place, from several threads."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.base.units import format_bytes


class SizedFile:
    """A file of `size_bytes`; what is never written reads as zeros."""

    def __init__(self, path: Path, size_bytes: int, is_resumed: bool):
        """Create `path` and the folders above it; a resumed one keeps what it holds.

        Raises:
            DataError: it cannot be created, or the disk has no room for all of it.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | (0 if is_resumed else os.O_TRUNC), 0o666)
            os.ftruncate(self._handle, size_bytes)
            _reserve(self._handle, path, size_bytes)
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


def _reserve(handle: int, path: Path, size_bytes: int) -> None:
    """Take the room on the disk now: a disk that is too small is known before hours of work."""
    if not size_bytes:
        return
    free_bytes = shutil.disk_usage(path.parent).free
    try:
        os.posix_fallocate(handle, 0, size_bytes)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DataError(
            f"too little space for {path}: {format_bytes(size_bytes)} needed, {format_bytes(free_bytes)} free; make "
            "room, then the same command goes on"
        ) from error
