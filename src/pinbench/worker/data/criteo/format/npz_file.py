"""Arrays in a file of numpy's npz format that were too large for the memory: written from files, read where they lie.

Source: numpy/lib/_npyio_impl.py (a zip archive with a member ``NAME.npy`` for each array). Members are stored as they
are: `np.load` reads them as it does packed ones.
"""

import io
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.base.units import format_bytes
from pinbench.worker.data.criteo.format.mapped_file import MappedFile
from pinbench.worker.data.criteo.format.stored_zip import member_begin
from pinbench.worker.data.memory import available_bytes

_HEADER_BYTES = 1 << 12  # no header of a plain type is that long
_COPY_BYTES = 1 << 22
_FREE_SHARE = 0.5  # the weights of the model come after the data


class Member(NamedTuple):
    """An array whose elements lie in `path`, and nothing else."""

    name: str
    path: Path
    dtype: str
    shape: tuple[int, ...]


def write_npz(path: Path, members: Sequence[Member]) -> None:
    """Write `members` to `path`; the same arrays make the same bytes.

    Raises:
        OSError: the disk is full, or another fault of the file system.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            header = {"descr": member.dtype, "fortran_order": False, "shape": member.shape}
            info = zipfile.ZipInfo(f"{member.name}.npy")
            with archive.open(info, "w", force_zip64=True) as target, member.path.open("rb") as source:
                np.lib.format.write_array_header_1_0(target, header)
                shutil.copyfileobj(source, target, _COPY_BYTES)


class NpzArray:
    """An array of an npz file. What is packed is unpacked into memory, as numpy does; what is not stays on the disk."""

    def __init__(self, file: MappedFile, name: str, dtype: str, columns: int | None):
        """Find the array `name`, of `dtype` and as many `columns`, or of one axis (None).

        Raises:
            DataError: there is none, or the file is damaged.
        """
        self._file = file
        self._dtype = np.dtype(dtype)
        self._columns = columns
        self._loaded: npt.NDArray[np.generic] | None = None
        try:
            with zipfile.ZipFile(file.path) as archive:
                info = archive.getinfo(f"{name}.npy")
                if info.compress_type == zipfile.ZIP_STORED:
                    shape, found = self._find(info)
                else:
                    _require_memory(file.path, info)
                    with archive.open(info) as member:
                        self._loaded = np.lib.format.read_array(member, allow_pickle=False)
                    shape, found = self._loaded.shape, self._loaded.dtype
        except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{file.path} is damaged or of another form: {error}; prepare the data again") from error
        if shape[1:] != (() if columns is None else (columns,)) or found != self._dtype:
            raise DataError(f"{file.path}: {name} is {found} of shape {shape}; the file has another form")
        self.rows = int(shape[0])

    @property
    def loaded_bytes(self) -> int:
        """What it takes in memory, being packed in the file; 0 when it stays on the disk."""
        return 0 if self._loaded is None else self._loaded.nbytes

    def read(self, begin: int, end: int) -> npt.NDArray[np.generic]:
        """Return the rows from `begin` to before `end`, not copied.

        Raises:
            DataError: the bytes are not those that were written.
        """
        if self._loaded is not None:
            return self._loaded[begin:end]
        row_bytes = (self._columns or 1) * self._dtype.itemsize
        data = self._file.read(self._begin_bytes + begin * row_bytes, self._begin_bytes + end * row_bytes)
        values = np.frombuffer(data, self._dtype)
        return values if self._columns is None else values.reshape(-1, self._columns)

    def _find(self, info: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
        begin = member_begin(self._file, info)
        header = io.BytesIO(self._file.read(begin, min(begin + _HEADER_BYTES, self._file.size_bytes)).tobytes())
        np.lib.format.read_magic(header)
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(header)
        if is_fortran:
            raise ValueError("an array is stored column by column")
        self._begin_bytes = begin + header.tell()
        return shape, dtype


def _require_memory(path: Path, info: zipfile.ZipInfo) -> None:
    free_bytes = available_bytes()
    if free_bytes is not None and info.file_size > _FREE_SHARE * free_bytes:
        raise DataError(
            f"{path}: {info.filename} is packed and would take {format_bytes(info.file_size)} of memory in each "
            f"instance, where {format_bytes(free_bytes)} are free; write the arrays with numpy.savez, which packs "
            "nothing, on a machine that has the memory, or prepare the data again: pinbench data criteo --format kaggle"
        )
