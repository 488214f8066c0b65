"""The two count files beside a binary: ids of each column, rows of each input file."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.schema import COUNTS_FILE, DAYS_FILE, SPARSE_FEATURES

_COUNTS_KEY = "counts"


class CountFiles(NamedTuple):
    """Their names, which follow that of the raw files."""

    counts: str
    days: str


TERABYTE_COUNT_FILES = CountFiles(COUNTS_FILE, DAYS_FILE)


def write_counts(
    directory: Path, counts: Sequence[int], day_rows: Sequence[int], names: CountFiles = TERABYTE_COUNT_FILES
) -> None:
    """Write both files into `directory`, with the keys and types of the reference (data_utils.py).

    Raises:
        DataError: they cannot be written.
    """
    try:
        np.savez_compressed(directory / names.counts, counts=np.array(counts, np.int32))
        np.savez_compressed(directory / names.days, total_per_file=np.array(day_rows, np.int64))
    except OSError as error:
        raise DataError(f"cannot write the counts to {directory}: {error.strerror}") from error


def read_counts(directory: Path, name: str = COUNTS_FILE) -> tuple[int, ...]:
    """Return how many ids each of the 26 columns has.

    Raises:
        DataError: the file is absent, damaged, or holds something else.
    """
    path = directory / name
    try:
        # opened here: numpy leaves a file open that it finds damaged
        with path.open("rb") as file, np.load(file) as archive:
            counts = archive[_COUNTS_KEY]
    except FileNotFoundError as error:
        raise DataError(
            f"{path} is missing: without it the sizes of the tables are unknown; copy it from where the .bin was made"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, AttributeError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} is damaged: {error}; copy it again from where the .bin was made") from error
    if counts.shape != (SPARSE_FEATURES,) or counts.dtype.kind not in "iu" or (counts < 1).any():
        raise DataError(f"{path} does not hold {SPARSE_FEATURES} whole numbers from 1 in {_COUNTS_KEY!r}: {counts!r}")
    return tuple(int(count) for count in counts)
