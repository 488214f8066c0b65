"""The rows of a shard as words, block by block.

K rows of a block, W words of a row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pinbench.worker.data.criteo.form import Words
from pinbench.worker.data.criteo.records import fill_ids, fill_known
from pinbench.worker.data.criteo.schema import DENSE, FIELDS, SPARSE
from pinbench.worker.data.criteo.shard import Shard
from pinbench.worker.data.criteo.vocabulary import Numbers

BLOCK_ROWS = 2048  # 320 KiB of words stay in the second cache while their 40 columns are filled


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardWords:
    """A shard, the ids of the entries of its dictionaries, and what is done to integers, if anything is."""

    shard: Shard
    ids: Sequence[Numbers]
    settle: Callable[[Words], None] | None

    def blocks(self, begin: int, rows: int) -> Iterator[tuple[int, Words]]:
        """Yield `rows` rows from `begin` on as blocks, each with its first row; a block is overwritten by the next."""
        words_KW = np.empty((min(rows, BLOCK_ROWS), FIELDS), np.int32)
        for first in range(begin, begin + rows, BLOCK_ROWS):
            block = words_KW[: begin + rows - first]
            self.fill(first, block)
            yield first, block

    def fill(self, begin: int, words_KW: Words) -> None:
        """Set `words_KW` to the rows from `begin` on."""
        fill_known(words_KW, self.shard.label_B, self.shard.dense_IB, begin)
        if self.settle is not None:
            self.settle(words_KW[:, DENSE])
        for column, (local_B, id_D) in enumerate(zip(self.shard.local_FB, self.ids, strict=True)):
            fill_ids(words_KW, SPARSE.start + column, local_B, id_D, begin)
