"""One day's multi-hot ids into an archive, in one pass over its rows, all columns side by side.

B rows, H ids of a column.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.format.multi_hot_tables import Tables
from pinbench.worker.data.criteo.format.npy_file import NpyReader, npy_header
from pinbench.worker.data.criteo.format.sized_file import SizedFile
from pinbench.worker.data.criteo.format.stored_zip import Member, data_begins, directory, local_header

_BLOCK_ROWS = 1 << 14


def write_archive(path: Path, one_hot: NpyReader, num_embeddings: Sequence[int], tables: Tables) -> None:
    """Write the ids that stand for each of `one_hot` to `path`; it has that name when all of it is on the disk.

    Raises:
        DataError: the disk is full, or another fault of the file system.
    """
    temporary = path.with_name(f"{path.name}.new")
    headers = [npy_header("<i4", one_hot.rows, _width(table)) for table in tables]
    names = [f"{column}.npy" for column in range(len(tables))]
    sizes = [len(header) + 4 * one_hot.rows * _width(table) for header, table in zip(headers, tables, strict=True)]
    begins = data_begins(names, sizes)
    crcs = [isal_zlib.crc32(header) for header in headers]
    archive = SizedFile(temporary, begins[-1], is_resumed=False)
    for begin, header in zip(begins, headers, strict=False):
        archive.write(begin, header)
    for first in range(0, one_hot.rows, _BLOCK_ROWS):
        ids_BF = one_hot.read(first, min(first + _BLOCK_ROWS, one_hot.rows))
        for column, table in enumerate(tables):
            hot_BH = _looked_up(ids_BF[:, column] % np.int32(num_embeddings[column]), table)
            archive.write(begins[column] + len(headers[column]) + 4 * first * _width(table), hot_BH)
            crcs[column] = isal_zlib.crc32(hot_BH, crcs[column])
    members = [Member(*member) for member in zip(names, sizes, crcs, strict=True)]
    for member, begin in zip(members, begins, strict=False):
        header = local_header(member)
        archive.write(begin - len(header), header)
    archive.write(begins[-1], directory(members))
    archive.sync()
    archive.close()
    _rename(temporary, path)


def _width(table: npt.NDArray[np.int32] | None) -> int:
    return 1 if table is None else table.shape[1]


def _looked_up(id_B: npt.NDArray[np.int32], table: npt.NDArray[np.int32] | None) -> npt.NDArray[np.int32]:
    return id_B if table is None else table.take(id_B, axis=0)


def _rename(temporary: Path, path: Path) -> None:
    try:
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
