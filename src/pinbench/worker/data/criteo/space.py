"""Whether the disk can hold what a preparation will write, estimated from the first rows of each file."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import DataError
from pinbench.base.units import MIB, format_bytes
from pinbench.worker.data.criteo.raw_tsv import RawFile
from pinbench.worker.data.criteo.schema import ROW_BYTES

_MARGIN = 1.1  # rows of other days are shorter or longer, a gzip file is read ahead of what was parsed
_SMALL_FILES_BYTES = 2 * MIB  # counts and manifest


def require_space(inputs: Sequence[Path], output: Path, cuts_last: bool) -> None:
    """Refuse when the file system of `output` has less free space than the rows of `inputs` will take.

    When `cuts_last`, half of the last file's rows lie on the disk twice for a moment. Parses the beginning of each
    file, so what is no Criteo TSV is refused here, before hours of work.

    Raises:
        DataError: there is too little space (names both figures), or an input cannot be read.
    """
    rows = [_estimated_rows(path) for path in inputs]
    twice = rows[-1] / 2 if cuts_last else 0
    needed_bytes = (sum(rows) + twice) * ROW_BYTES * _MARGIN + _SMALL_FILES_BYTES
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
    with RawFile(path) as raw:
        first = next(raw.blocks())
        return len(first.label_B) * raw.size_bytes / raw.done_bytes
