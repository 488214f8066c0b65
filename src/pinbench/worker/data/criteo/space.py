"""Whether the disk can hold what a preparation will write, estimated from the beginning of each file."""

import shutil
from pathlib import Path

from pinbench.base.errors import DataError
from pinbench.base.units import MIB, format_bytes
from pinbench.worker.data.criteo.raw_tsv import file_size, is_gzip, open_packed, open_plain, whole_lines

# A shard's row: label, 13 integers, 26 local ids of 1 to 4 bytes, and its share of the dictionaries.
SHARD_ROW_BYTES = 160

_MARGIN = 1.1  # rows of other days are shorter or longer, a gzip file is read ahead of what was looked at
_SMALL_FILES_BYTES = 2 * MIB  # counts, journals and manifest
_LOOKED_AT_BYTES = 1 * MIB


def require_space(rows: float, output: Path, row_bytes: int) -> None:
    """Refuse when the file system of `output` has less free space than `rows` will take.

    A row takes `row_bytes` at the most, what is needed meanwhile counted.

    Raises:
        DataError: there is too little space; names both figures.
    """
    needed_bytes = rows * row_bytes * _MARGIN + _SMALL_FILES_BYTES
    place = next(path for path in (output, *output.absolute().parents) if path.exists())
    try:
        free_bytes = shutil.disk_usage(place).free
    except OSError as error:
        raise DataError(f"cannot read how much space is free at {place}: {error.strerror}") from error
    if free_bytes < needed_bytes:
        raise DataError(
            f"too little space for {output}: about {format_bytes(needed_bytes)} needed, {format_bytes(free_bytes)} "
            "free; choose an --output on another disk, or fewer rows"
        )


def estimated_rows(path: Path) -> float:
    """Return about how many rows the raw file `path` has, by the lines at its beginning.

    Raises:
        DataError: it cannot be read.
    """
    size_bytes = file_size(path)
    buffer = bytearray(_LOOKED_AT_BYTES)
    with open_packed(path) if is_gzip(path) else open_plain(path, 0, size_bytes) as text:
        block = next(whole_lines(text, str(path), lambda: buffer), None)
        if block is None:
            return 0
        return buffer.count(b"\n", 0, block.end) * size_bytes / text.done_bytes
