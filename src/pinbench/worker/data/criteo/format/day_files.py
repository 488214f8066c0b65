"""Day files of torchrec's forms: their names, which rows lie in which, and which of them are a split."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pinbench.base.errors import DataError
from pinbench.contract.data import Assignment, DataManifest
from pinbench.worker.data.criteo.format.held_out import Halves
from pinbench.worker.data.criteo.format.npy_file import NpyReader

HALVES = Halves("val", "test", first_has_odd_row=True)


class Part(NamedTuple):
    """Rows of one day file, and where they stand among all that were asked for."""

    day: int
    begin: int
    end: int
    here: slice


def dense_name(day: int) -> str:
    """Return the name of the file of logarithms of `day`."""
    return f"day_{day}_dense.npy"


def sparse_name(day: int) -> str:
    """Return the name of the file of ids of `day`."""
    return f"day_{day}_sparse.npy"


def labels_name(day: int) -> str:
    """Return the name of the file of labels of `day`."""
    return f"day_{day}_labels.npy"


def parts(day_rows: Sequence[int], begin: int, end: int) -> Iterator[Part]:
    """Yield the parts of the rows `begin` to before `end`, counted over all days, that lie in one day each."""
    first = 0
    for day, rows in enumerate(day_rows):
        here, stop = max(begin, first), min(end, first + rows)
        if here < stop:
            yield Part(day, here - first, stop - first, slice(here - begin, stop - begin))
        first += rows


def find_days(directory: Path) -> int:
    """Return how many days, from day 0 on without a gap, have labels in `directory`.

    Raises:
        DataError: there is none.
    """
    if not directory.is_dir():
        raise DataError(f"no data set: {directory} is not a directory; check DATASET_DIR")
    days = 0
    while (directory / labels_name(days)).is_file():
        days += 1
    if not days:
        raise DataError(
            f"{directory} has no {labels_name(0)}; make it with: pinbench data criteo --format torchrec --input FILE "
            "--output DIR"
        )
    return days


def split_range(directory: Path, split: str, day_rows: Sequence[int], manifest: DataManifest | None) -> tuple[int, int]:
    """Return where `split` begins among the rows of all days, and its rows.

    Without a manifest the last day is held out, as in the reference.

    Raises:
        DataError: it has none.
    """
    assignment = None if manifest is None else manifest.assignment
    if assignment is not None and assignment is not Assignment.DAYS:
        if assignment != split:
            raise DataError(f"{directory} has no {split}; it has {assignment}")
        return 0, sum(day_rows)
    last = sum(day_rows[:-1])
    middle = last + HALVES.cut(day_rows[-1])
    begin, end = {"train": (0, last), HALVES.first: (last, middle), HALVES.second: (middle, sum(day_rows))}[split]
    if begin == end:
        raise DataError(f"{directory} has no {split}: day {len(day_rows) - 1} is the only one, or has a single row")
    return begin, end - begin


def require_shape(file: NpyReader, rows: int, columns: int) -> None:
    """Compare the shape of `file` with what it has to be.

    Raises:
        DataError: they differ.
    """
    if (file.rows, file.columns) != (rows, columns):
        raise DataError(
            f"{file.path} holds {file.rows} rows of {file.columns}, not {rows} of {columns}; the files of a day belong "
            "to different data sets"
        )
