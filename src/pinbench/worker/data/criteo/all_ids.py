"""A multi-hot split as one of plain rows: each id of a sample is a column of its own.

B rows, F categories, C ids of a row: those of the first category, then those of the second, ...
"""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Protocol

import numpy as np

from pinbench.worker.data.criteo.form import MultiHotRows, Reader, Rows


class HotReader(Reader, Protocol):
    """A `Reader` of rows with several ids in a category."""

    @property
    def hots(self) -> tuple[int, ...]:
        """Ids of each category."""
        ...

    def read(self, begin: int, end: int) -> MultiHotRows:
        """Return the rows from `begin` to before `end`, copied."""
        ...


class AllIds:
    """See `form.Reader`: what `reader` reads, `sparse_BF` with all ids, shape (B, C)."""

    def __init__(self, reader: HotReader) -> None:
        self._reader = reader
        self.hots = reader.hots
        self.path, self.rows = reader.path, reader.rows
        self.row_bytes, self.loaded_bytes, self.sha256 = reader.row_bytes, reader.loaded_bytes, reader.sha256
        self.table_rows = per_id(reader.table_rows, reader.hots)

    @property
    def verified(self) -> Mapping[Path, Set[int]]:
        """See `form.Reader`."""
        return self._reader.verified

    def read(self, begin: int, end: int) -> Rows:
        """Return the rows from `begin` to before `end`, copied.

        Raises:
            DataError: the bytes are not those that were written, or a row is none: names the row.
        """
        rows = self._reader.read(begin, end)
        sparse_BC = np.concatenate(rows.hots_FBH, axis=1)
        return Rows(label_B=rows.label_B, dense_BI=rows.dense_BI, sparse_BF=sparse_BC)


def per_id(values_F: Sequence[int], hots: Sequence[int]) -> tuple[int, ...]:
    """Return the value of its category for each id."""
    return tuple(value for value, ids in zip(values_F, hots, strict=True) for _ in range(ids))
