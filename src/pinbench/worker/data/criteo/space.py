"""Whether the disk can hold what a preparation will write, estimated from the first rows of each file."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from isal import igzip, isal_zlib

from pinbench.base.errors import DataError
from pinbench.base.units import MIB, format_bytes
from pinbench.worker.data.criteo.raw_tsv import file_size, is_gzip

_MARGIN = 1.1  # rows of other days are shorter or longer, a gzip file is read ahead of what was parsed
_SAMPLE_BYTES = 4 * MIB
_SMALL_FILES_BYTES = 2 * MIB  # counts and manifest


def require_space(inputs: Sequence[Path], output: Path, row_bytes: int, limit_rows: int | None) -> None:
    """Refuse when the file system of `output` has less free space than the rows of `inputs` will take.

    A row takes `row_bytes`, what is needed meanwhile counted; there are `limit_rows` at most.

    Raises:
        DataError: there is too little space (names both figures), or an input cannot be read.
    """
    rows = sum(_estimated_rows(path) for path in inputs)
    needed_bytes = (rows if limit_rows is None else min(rows, limit_rows)) * row_bytes * _MARGIN + _SMALL_FILES_BYTES
    place = next(path for path in (output, *output.absolute().parents) if path.exists())
    try:
        free_bytes = shutil.disk_usage(place).free
    except OSError as error:
        raise DataError(f"cannot read how much space is free at {place}: {error.strerror}") from error
    if free_bytes < needed_bytes:
        raise DataError(
            f"too little space for {output}: about {format_bytes(needed_bytes)} needed, {format_bytes(free_bytes)} "
            "free; choose an --output on another disk or fewer files"
        )


def _estimated_rows(path: Path) -> float:
    """Return how many rows `path` has if it goes on as it begins."""
    size_bytes = file_size(path)
    try:
        with path.open("rb") as file:
            text = igzip.IGzipFile(fileobj=file).read(_SAMPLE_BYTES) if is_gzip(path) else file.read(_SAMPLE_BYTES)
            share = min(1.0, file.tell() / size_bytes)
    except (EOFError, isal_zlib.error):
        return 0.0  # the parser says what is wrong, and where
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return text.count(b"\n") / share
