"""The container that torch wrote before 1.6: pickles behind each other, then the numbers of each storage.

The layout is that of torch/serialization.py (_legacy_save): magic number, protocol, facts of the writing machine, the
object with references to its storages, the keys of these in the order of the file, and for each key its number of
elements (int64) and the elements. torch.load reads all of it into memory; here the elements are mapped, so that a
table of 20 GB takes memory only where it is copied to.
"""

import mmap
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO

import torch
from torch import _weights_only_unpickler as restricted  # what torch.load(weights_only=True) reads with
from torch.storage import TypedStorage, UntypedStorage

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT = struct.Struct("<q")
_ENCODING = "utf-8"  # of texts that Python 2 pickled, as torch.load has it


def read_legacy(path: Path) -> object:
    """Return what `path` holds; its tensors are views of the mapped file, not aligned, and not to be written to.

    Only types that `torch.serialization.safe_globals` allows are made.

    Raises:
        UnpicklingError: it holds something else.
        EOFError: the file ends too early.
        ValueError: it is not of this layout.
    """
    with path.open("rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # lives as long as a tensor does
        if (restricted.load(file), restricted.load(file)) != (_MAGIC_NUMBER, _PROTOCOL):
            raise ValueError("another magic number or protocol")
        if not restricted.load(file).get("little_endian"):
            raise ValueError("numbers of a big-endian machine")
        begin = file.tell()
        asked = _Asked()
        _unpickle(file, asked)
        # The keys, which tell where each storage lies, come after the object that refers to them: it is read twice.
        mapped = _Mapped(_storages(file, whole, asked.sizes))
        file.seek(begin)
        return _unpickle(file, mapped)


class _Asked:
    """Takes down which storages the object refers to, and gives it ones without memory."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}  # in bytes

    def __call__(self, saved_id: Any) -> TypedStorage:
        key, dtype, count = _reference(saved_id)
        self.sizes[key] = count * dtype.itemsize
        storage = UntypedStorage(self.sizes[key], device="meta")  # type: ignore[no-untyped-call]
        return _typed(storage, dtype)


class _Mapped:
    """Gives the object storages that lie in the file."""

    def __init__(self, storages: Mapping[str, UntypedStorage]) -> None:
        self._storages = storages

    def __call__(self, saved_id: Any) -> TypedStorage:
        key, dtype, _ = _reference(saved_id)
        return _typed(self._storages[key], dtype)


def _unpickle(file: BinaryIO, persistent_load: _Asked | _Mapped) -> object:
    unpickler = restricted.Unpickler(file, encoding=_ENCODING)
    unpickler.persistent_load = persistent_load  # type: ignore[method-assign]
    return unpickler.load()  # type: ignore[no-untyped-call]


def _reference(saved_id: Any) -> tuple[str, torch.dtype, int]:
    """Return key, type and number of elements of a reference ("storage", type, key, device, elements, view)."""
    kind, storage_type, key, _, count, view = saved_id
    if kind != "storage" or view is not None:
        raise UnpicklingError(f"reference to a {kind}, or to a view of a storage")
    return key, storage_type.dtype, count


def _typed(storage: UntypedStorage, dtype: torch.dtype) -> TypedStorage:
    return TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)  # type: ignore[no-untyped-call]


def _storages(file: BinaryIO, whole: mmap.mmap, sizes: Mapping[str, int]) -> dict[str, UntypedStorage]:
    keys = restricted.load(file)
    position = file.tell()
    storages = {}
    for key in keys:
        if position + _COUNT.size + sizes[key] > len(whole):
            raise EOFError(f"storage {key} ends behind the end of the file")
        position += _COUNT.size
        storages[key] = _view(whole, position, sizes[key])
        position += sizes[key]
    return storages


def _view(whole: mmap.mmap, begin: int, size_bytes: int) -> UntypedStorage:
    if not size_bytes:
        return UntypedStorage(0)  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        # That nobody may write to it is the point: a mapping that may be written is charged as if it were memory.
        warnings.filterwarnings("ignore", "The given buffer is not writable", UserWarning)
        return torch.frombuffer(whole, dtype=torch.uint8, count=size_bytes, offset=begin).untyped_storage()
