"""Fills the columns of a shard from text, and numbers their values.

R rows that there is room for, I integers, F categories.
"""

from collections.abc import Callable

import numpy as np

from pinbench.worker.data.criteo.dictionary import Numbering
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, SPARSE_FEATURES
from pinbench.worker.data.criteo.shard import Shard
from pinbench.worker.data.criteo.tsv_kernel import Text, parse_rows


class ShardBuilder:
    """Columns with room for so many rows, used for a shard after the other."""

    def __init__(self, room: int):
        self.rows = 0
        self.room = room
        self._label_R = np.empty(room, np.uint8)
        self._dense_IR = np.empty((DENSE_FEATURES, room), np.int32)
        self._hash_FR = np.empty((SPARSE_FEATURES, room), np.uint32)
        self._missing_R = np.empty(room, np.uint32)
        self._numbering = Numbering()

    def parse(self, text: Text, position: int, stop: int, most_rows: int) -> tuple[int, int, bool]:
        """Append the rows that begin from `position` to before `stop`, until there are `most_rows`.

        Returns:
            Where the next line begins, how many lines ended in CR LF, and whether the next line is wrong.
        """
        label_R = self._label_R[:most_rows]
        self.rows, position, returns, is_bad = parse_rows(
            text, position, stop, label_R, self._dense_IR, self._hash_FR, self._missing_R, self.rows
        )
        return position, returns, is_bad

    def take(self, check: Callable[[], None]) -> Shard:
        """Return the rows, which stay here until the next `parse`, and be empty; `check` is called now and then."""
        rows, self.rows = self.rows, 0
        missing_B = self._missing_R[:rows]
        columns = []
        for feature in range(SPARSE_FEATURES):
            check()
            columns.append(self._numbering.number(self._hash_FR[feature, :rows], missing_B, feature))
        local_FB, dictionaries = zip(*columns, strict=True)
        return Shard(
            label_B=self._label_R[:rows],
            dense_IB=self._dense_IR[:, :rows],
            local_FB=local_FB,
            dictionaries=dictionaries,
        )
