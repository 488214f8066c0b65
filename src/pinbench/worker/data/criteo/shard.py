"""A shard: consecutive rows of one raw file, parsed, each column with a dictionary of its own.

Shards are what a preparation parses side by side, keeps on the disk, and goes on from when it was killed. Their ids are
local: the position of a value in the shard's own dictionary, by first appearance, so that ids of any kind can be given
later from the dictionaries alone, and a column needs only as many bytes a row as its dictionary has entries.

B rows of the shard, I integers, F categories, D entries of a dictionary.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, SPARSE_FEATURES

_TAIL_BYTES = 4  # CRC-32 of all before it: a torn file after a power cut is told from a whole one
_BUFFER_BYTES = 1 << 20
_HEAD_WORDS = 1 + 2 * SPARSE_FEATURES
_NO_ENTRY = -1  # in the head

Number = TypeVar("Number", bound=np.generic)

LocalType = type[np.uint8] | type[np.uint16] | type[np.uint32]
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
    """Return a copy of `local_B`, ids below `entries`, in the narrowest type that holds them."""
    return cast(LocalIds, local_B.astype(_local_type(entries)))


def write_shard(path: Path, shard: Shard) -> None:
    """Write `shard` to `path` by a temporary name.

    Raises:
        DataError: the disk is full, or another fault of the file system.
    """
    temporary = path.with_name(f".{path.name}")
    try:
        with temporary.open("wb", buffering=0) as file:
            crc = 0
            for array in _arrays(shard):
                data = np.ascontiguousarray(array).view(np.uint8).data
                crc = isal_zlib.crc32(data, crc)
                _write(file, data)
            _write(file, memoryview(crc.to_bytes(_TAIL_BYTES, "little")))
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
        head = _read_head(file)
        label_B = _array(file, np.uint8, head.rows)
        dense_IB = _array(file, np.int32, DENSE_FEATURES * head.rows).reshape(DENSE_FEATURES, head.rows)
        local_FB = [_local_ids(file, head, feature) for feature in range(SPARSE_FEATURES)]
        dictionaries = [_dictionary(file, head, feature) for feature in range(SPARSE_FEATURES)]
    return Shard(label_B=label_B, dense_IB=dense_IB, local_FB=local_FB, dictionaries=dictionaries)


def read_dictionary(path: Path, feature: int) -> Dictionary:
    """Return the dictionary of the column `feature` of the shard in `path`, without reading the rest.

    Raises:
        DataError: it cannot be read.
    """
    with _open(path) as file:
        head = _read_head(file)
        file.seek(head.dictionary_offset(feature))
        return _dictionary(file, head, feature)


def shard_rows(path: Path) -> int:
    """Return how many rows the shard in `path` has.

    Raises:
        DataError: it cannot be read.
    """
    with _open(path) as file:
        return _read_head(file).rows


def shard_entries(path: Path) -> tuple[int, ...]:
    """Return how many entries each dictionary of the shard in `path` has.

    Raises:
        DataError: it cannot be read.
    """
    with _open(path) as file:
        return _read_head(file).entries


def read_dense(path: Path) -> npt.NDArray[np.int32]:
    """Return the integers of the shard in `path`, shape (I, B), without reading the rest.

    Raises:
        DataError: it cannot be read.
    """
    with _open(path) as file:
        rows = _read_head(file).rows
        file.seek(rows, os.SEEK_CUR)
        return _array(file, np.int32, DENSE_FEATURES * rows).reshape(DENSE_FEATURES, rows)


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


@dataclass(frozen=True, slots=True)
class _Head:
    """How many rows there are, entries of each column, and which entries are missing: the sizes of all that follows."""

    rows: int
    entries: tuple[int, ...]
    missing: tuple[int, ...]

    def dictionary_offset(self, feature: int) -> int:
        row_bytes = 1 + 4 * DENSE_FEATURES + sum(np.dtype(_local_type(entries)).itemsize for entries in self.entries)
        return _HEAD_WORDS * 8 + self.rows * row_bytes + 2 * 4 * sum(self.entries[:feature])


def _local_type(entries: int) -> LocalType:
    if entries <= 1 << 8:
        return np.uint8
    return np.uint16 if entries <= 1 << 16 else np.uint32


def _arrays(shard: Shard) -> Iterator[npt.NDArray[np.generic]]:
    missing = [_NO_ENTRY if of_column.missing is None else of_column.missing for of_column in shard.dictionaries]
    entries = [len(of_column.key_D) for of_column in shard.dictionaries]
    yield np.array([shard.rows, *entries, *missing], np.int64)
    yield shard.label_B
    yield from shard.dense_IB
    yield from shard.local_FB
    for of_column in shard.dictionaries:
        yield of_column.key_D
        yield of_column.count_D


def _write(file: FileIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _read_head(file: BinaryIO) -> _Head:
    words = _array(file, np.int64, _HEAD_WORDS).tolist()
    return _Head(words[0], tuple(words[1 : 1 + SPARSE_FEATURES]), tuple(words[1 + SPARSE_FEATURES :]))


def _array(file: BinaryIO, of_type: type[Number], count: int) -> npt.NDArray[Number]:
    array = np.fromfile(file, of_type, count)
    if len(array) < count:
        raise DataError(f"{file.name} is cut off; run the same command again with --restart")
    return array


def _local_ids(file: BinaryIO, head: _Head, feature: int) -> LocalIds:
    return cast(LocalIds, _array(file, _local_type(head.entries[feature]), head.rows))


def _dictionary(file: BinaryIO, head: _Head, feature: int) -> Dictionary:
    key_D, count_D = (_array(file, np.uint32, head.entries[feature]) for _ in range(2))
    missing = head.missing[feature]
    return Dictionary(key_D=key_D, count_D=count_D, missing=None if missing == _NO_ENTRY else missing)
