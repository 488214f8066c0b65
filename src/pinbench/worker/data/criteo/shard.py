"""A shard: consecutive rows of one raw file, parsed, each column with a dictionary of its own.

Shards are what a preparation parses side by side, keeps on the disk, and goes on from when it was killed. Their ids are
local: the position of a value in the shard's own dictionary, by first appearance, so that ids of any kind can be given
later from the dictionaries alone, and a column needs only as many bytes a row as its dictionary has entries.

B rows of the shard, I integers, F categories, D entries of a dictionary.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.schema import SPARSE_FEATURES

NO_ENTRY = np.uint32(0xFFFFFFFF)

_TAIL_BYTES = 4  # CRC-32 of all before it: a torn file after a power cut is told from a whole one
_BUFFER_BYTES = 1 << 20

LocalIds = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """The different values of one column of a shard."""

    key_D: npt.NDArray[np.uint32]  # in the order of first appearance
    count_D: npt.NDArray[np.uint32]  # how often each stands there
    missing: int | None  # the entry that stands for the empty field (its key is 0, as is that of the value 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The rows of a shard."""

    label_B: npt.NDArray[np.uint8]
    dense_IB: npt.NDArray[np.int32]  # as in the file; `form.MISSING` for an empty field
    local_FB: Sequence[LocalIds]  # entries of the dictionaries, in the narrowest type
    dictionaries: Sequence[Dictionary]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.label_B)


def narrow(local_B: npt.NDArray[np.uint32], entries: int) -> LocalIds:
    """Return `local_B`, ids below `entries`, in the narrowest type that holds them."""
    if entries <= 1 << 8:
        return local_B.astype(np.uint8)
    return local_B.astype(np.uint16) if entries <= 1 << 16 else local_B


def write_shard(path: Path, shard: Shard) -> None:
    """Write `shard` to `path` by a temporary name.

    Raises:
        DataError: the disk is full, or another fault of the file system.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb", buffering=_BUFFER_BYTES) as file:
            checked = _Checked(file)
            for array in _arrays(shard):
                np.lib.format.write_array(checked, array, allow_pickle=False)  # type: ignore[arg-type]
            file.write(checked.crc.to_bytes(_TAIL_BYTES, "little"))
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def read_shard(path: Path) -> Shard:
    """Return the shard in `path`.

    Raises:
        DataError: it cannot be read.
    """
    with _open(path) as file:
        label_B, dense_IB = _array(file), _array(file)
        local_FB = [_array(file) for _ in range(SPARSE_FEATURES)]
        dictionaries = [_dictionary(file) for _ in range(SPARSE_FEATURES)]
    return Shard(label_B=label_B, dense_IB=dense_IB, local_FB=local_FB, dictionaries=dictionaries)


class ShardParts:
    """Parts of a shard, each read by itself: what a stage that needs one column does not read the others for."""

    def __init__(self, path: Path):
        """Find the parts of `path`.

        Raises:
            DataError: it cannot be read.
        """
        self._path = path
        with _open(path) as file:
            (self.rows,), _ = _skip(file)
            self._dense_begin = file.tell()
            _skip(file)
            for _ in range(SPARSE_FEATURES):
                _skip(file)
            self._begin_F = np.empty(SPARSE_FEATURES, np.int64)
            self.entries_F = np.empty(SPARSE_FEATURES, np.int64)
            for column in range(SPARSE_FEATURES):
                self._begin_F[column] = file.tell()
                (self.entries_F[column],), _ = _skip(file)
                _skip(file)
                _skip(file)

    def dictionary(self, column: int) -> Dictionary:
        """Return the dictionary of `column`."""
        with _open(self._path) as file:
            file.seek(int(self._begin_F[column]))
            return _dictionary(file)

    def dense_IB(self) -> npt.NDArray[np.int32]:
        """Return the integers."""
        with _open(self._path) as file:
            file.seek(self._dense_begin)
            return _array(file).astype(np.int32, copy=False)


def is_whole(path: Path) -> bool:
    """Return whether `path` is there and holds what was written."""
    try:
        with path.open("rb") as file:
            crc, tail = 0, b""
            while data := file.read(_BUFFER_BYTES):
                data = tail + data
                crc, tail = isal_zlib.crc32(data[:-_TAIL_BYTES], crc), data[-_TAIL_BYTES:]
    except OSError:
        return False
    return len(tail) == _TAIL_BYTES and crc == int.from_bytes(tail, "little")


class _Checked:
    """Passes on what is written and keeps its CRC-32."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.crc = 0

    def write(self, data: bytes | memoryview) -> int:
        self.crc = isal_zlib.crc32(data, self.crc)
        return self._file.write(data)


def _arrays(shard: Shard) -> list[npt.NDArray[np.generic]]:
    arrays: list[npt.NDArray[np.generic]] = [shard.label_B, shard.dense_IB, *shard.local_FB]
    for dictionary in shard.dictionaries:
        missing = NO_ENTRY if dictionary.missing is None else np.uint32(dictionary.missing)
        arrays += [dictionary.key_D, dictionary.count_D, np.array([missing], np.uint32)]
    return arrays


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _skip(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Go past an array; return its shape and type."""
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    file.seek(math.prod(shape) * dtype.itemsize, os.SEEK_CUR)
    return shape, dtype


def _array(file: BinaryIO) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _dictionary(file: BinaryIO) -> Dictionary:
    key_D, count_D, (missing,) = _array(file), _array(file), _array(file)
    return Dictionary(key_D=key_D, count_D=count_D, missing=None if missing == NO_ENTRY else int(missing))
