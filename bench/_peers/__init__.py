"""What `criteo_prepare` compares with, one file each.

A peer is a module with two functions: ``prepare(work)`` does the work, and ``train_rows(work)`` returns what it made of
the train days, so that a comparison of speeds is one of equal results.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DENSE = 13
SPARSE = 26
FIELDS = 1 + DENSE + SPARSE


@dataclass(frozen=True)
class Work:
    """Raw days into numbers: integers below 0 are 0, categories modulo `max_ind_range` are numbered as they appear.

    The rows of all days but the last get a random order; those of the last keep theirs, the first half of them is for
    tests and the rest for validation.
    """

    days: tuple[Path, ...]
    output: Path
    max_ind_range: int
    threads: int

    @property
    def train_days(self) -> tuple[Path, ...]:
        return self.days[:-1]


def read_rows(path: Path) -> "np.ndarray[tuple[int, int], np.dtype[np.int32]]":
    """Return the rows of a file of 32-bit integers: label, integers, ids."""
    return np.fromfile(path, "<i4").reshape(-1, FIELDS)


def write_halves(output: Path, rows: Any) -> None:
    """Write the rows of the last day."""
    half = (len(rows) + 1) // 2
    rows[:half].tofile(output / "terabyte_processed_test.bin")
    rows[half:].tofile(output / "terabyte_processed_val.bin")
