"""Rows on their way to another order: each shard's, grouped by bucket, in one file.

Source of the idea: external distribution sort (Knuth, TAOCP 3, section 5.4.9). Bucket g holds the rows whose keys lie
in the g-th part of the range of keys, so buckets one after the other, each sorted, are all rows sorted.

S shards, G buckets, R pairs of words of a record.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.format.sized_file import SizedFile
from pinbench.worker.data.criteo.records import RECORD_PAIRS, Pairs

RECORD_BYTES = 8 * RECORD_PAIRS

_BLOCK_SHARDS = 256


class Segments:
    """The file, and where in each shard's part of it each bucket begins."""

    def __init__(self, folder: Path, shard_rows: Sequence[int], buckets: int):
        """Make the files in `folder`, or open those that are there.

        Raises:
            DataError: they do not fit on the disk.
        """
        self.path = folder / "segments.bin"
        self.rows = sum(shard_rows)
        self.buckets = buckets
        self._first_row_S = np.concatenate([[0], np.cumsum(shard_rows)]).astype(np.int64)
        self._file = SizedFile(self.path, self.rows * RECORD_BYTES, is_resumed=True)
        self._begin_SG = _mapped(folder / "segments.begin", (len(shard_rows), buckets + 1))
        self._reading = os.open(self.path, os.O_RDONLY)

    def write(self, shard: int, record_BR: Pairs, begin_G: npt.NDArray[np.uint32]) -> None:
        """Write the rows of `shard`, grouped by bucket.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        self._file.write(int(self._first_row_S[shard]) * RECORD_BYTES, record_BR)
        self._begin_SG[shard] = begin_G

    def bucket_begins(self) -> npt.NDArray[np.int64]:
        """Return the first row of each bucket among all, and the end of the last, shape (G + 1,)."""
        begin_G = np.zeros(self.buckets + 1, np.int64)
        for first in range(0, len(self._begin_SG), _BLOCK_SHARDS):
            block_SG = self._begin_SG[first : first + _BLOCK_SHARDS]
            begin_G += block_SG.sum(axis=0, dtype=np.int64)
        return begin_G

    def read(self, bucket: int) -> Pairs:
        """Return the rows of `bucket`, in the order of the shards.

        Raises:
            DataError: the file cannot be read.
        """
        bounds_SB = np.array(self._begin_SG[:, bucket : bucket + 2], np.int64)
        rows_S = bounds_SB[:, 1] - bounds_SB[:, 0]
        record_BR = np.empty((int(rows_S.sum()), RECORD_PAIRS), np.uint64)
        content, position = record_BR.reshape(-1).view(np.uint8).data, 0
        for shard in np.flatnonzero(rows_S):
            begin = int(self._first_row_S[shard] + bounds_SB[shard, 0]) * RECORD_BYTES
            size_bytes = int(rows_S[shard]) * RECORD_BYTES
            self._read(content[position : position + size_bytes], begin)
            position += size_bytes
        return record_BR

    def _read(self, target: memoryview, begin_bytes: int) -> None:
        try:
            while target:
                count = os.preadv(self._reading, [target], begin_bytes)
                if not count:
                    raise DataError(f"{self.path} is shorter than it was; start again with --restart")
                target, begin_bytes = target[count:], begin_bytes + count
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        os.close(self._reading)


def _mapped(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.uint32]:
    size_bytes = 4 * shape[0] * shape[1]
    try:
        with path.open("ab") as file:
            os.ftruncate(file.fileno(), size_bytes)
            os.posix_fallocate(file.fileno(), 0, size_bytes)  # a mapped page without a place on the disk is fatal
        return np.memmap(path, np.uint32, mode="r+", shape=shape)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
