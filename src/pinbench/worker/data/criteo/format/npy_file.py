"""Files of numpy's npy format with two axes: rows at their place, from several threads, and where the rows of one lie.

Source: numpy/lib/_format_impl.py (version 1.0: magic, length of the header, a dict literal padded to 64 bytes).
"""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.format.mapped_file import MappedFile
from pinbench.worker.data.criteo.format.sized_file import SizedFile

_HEADER_BYTES = 1 << 12  # no header of two axes and a plain type is that long


class NpyLayout(NamedTuple):
    """Where an array lies in a file, and its shape."""

    begin_bytes: int
    rows: int
    columns: int


def npy_header(dtype: str, rows: int, columns: int) -> bytes:
    """Return what stands before the data of an array of `dtype`, such as ``<i4``, and shape (`rows`, `columns`)."""
    header = io.BytesIO()
    content = {"descr": dtype, "fortran_order": False, "shape": (rows, columns)}
    np.lib.format.write_array_header_1_0(header, content)
    return header.getvalue()


def npy_layout(file: MappedFile, dtype: str, begin: int, end: int) -> NpyLayout:
    """Return the layout of the array of `dtype` that fills `file` from byte `begin` to `end`.

    Raises:
        DataError: there is no such array.
    """
    text = io.BytesIO(file.read(begin, min(begin + _HEADER_BYTES, end)).tobytes())
    try:
        np.lib.format.read_magic(text)
        shape, is_fortran, found = np.lib.format.read_array_header_1_0(text)
    except ValueError as error:
        raise DataError(f"{file.path} is no npy file of version 1.0: {error}; prepare the data again") from error
    if len(shape) != 2 or is_fortran or found != np.dtype(dtype):
        order = ", column by column" if is_fortran else ""
        raise DataError(
            f"{file.path} holds {found} of shape {shape}{order}, not {np.dtype(dtype)} of two axes; "
            "the file has another layout"
        )
    layout = NpyLayout(begin + text.tell(), *shape)
    size_bytes = layout.rows * layout.columns * found.itemsize
    if layout.begin_bytes + size_bytes != end:
        raise DataError(
            f"{file.path} is truncated or damaged: {end - layout.begin_bytes} bytes of data where its header says "
            f"{size_bytes}; copy it again"
        )
    return layout


class NpyWriter:
    """An npy file of shape (`rows`, `columns`)."""

    def __init__(self, path: Path, dtype: str, rows: int, columns: int, is_resumed: bool):
        header = npy_header(dtype, rows, columns)
        self._dtype = np.dtype(dtype)
        self._row_bytes = columns * self._dtype.itemsize
        self._begin_bytes = len(header)
        self._file = SizedFile(path, len(header) + rows * self._row_bytes, is_resumed)
        self._file.write(0, header)

    def write(self, first_row: int, values_BC: npt.NDArray[np.generic]) -> None:
        """Write `values_BC` from row `first_row` on.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        data = np.ascontiguousarray(values_BC, self._dtype)
        self._file.write(self._begin_bytes + first_row * self._row_bytes, data)

    def close(self) -> None:
        """Close the file.

        Raises:
            DataError: what was written does not fit on the disk.
        """
        self._file.close()


class NpyReader:
    """An array of two axes within a mapped file."""

    def __init__(self, file: MappedFile, dtype: str, begin: int = 0, end: int | None = None):
        """Find the array of `dtype` from byte `begin` to `end` of `file`.

        Raises:
            DataError: there is no such array.
        """
        self._file = file
        self._dtype = np.dtype(dtype)
        layout = npy_layout(file, dtype, begin, file.size_bytes if end is None else end)
        self._begin_bytes, self.rows, self.columns = layout
        self.path = file.path

    def read(self, begin: int, end: int) -> npt.NDArray[Any]:
        """Return rows `begin` to before `end`, not copied.

        Raises:
            DataError: the bytes are not those that were written.
        """
        row_bytes = self.columns * self._dtype.itemsize
        data = self._file.read(self._begin_bytes + begin * row_bytes, self._begin_bytes + end * row_bytes)
        return data.view(self._dtype).reshape(-1, self.columns)
