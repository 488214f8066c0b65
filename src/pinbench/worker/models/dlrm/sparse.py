"""The sparse arch: all embedding tables behind each other in one block, so that a batch is one gather.

B samples, F sparse features, D embedding width, N ids of all bags together.
"""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional


class TableBlock(nn.Module):
    """All tables in a single contiguous (rows of all tables, D) block.

    The block is given, not made here: it may lie in memory that several processes share.
    """

    offset_F: Tensor

    def __init__(self, tables_RD: Tensor, table_rows: Sequence[int]) -> None:
        super().__init__()
        if sum(table_rows) != tables_RD.shape[0]:
            raise ValueError(f"{sum(table_rows)} rows in {len(table_rows)} tables, {tables_RD.shape[0]} in the block")
        self.tables_RD = nn.Parameter(tables_RD, requires_grad=False)
        first_rows = [0, *accumulate(table_rows)][:-1]
        self.register_buffer("offset_F", torch.tensor(first_rows), persistent=False)


class SparseArch(TableBlock):
    """One row a feature (Criteo is one-hot)."""

    def forward(self, sparse_BF: Tensor) -> Tensor:
        """Return the rows of `sparse_BF` (ids within each feature's own table), shape (B, F, D)."""
        return functional.embedding(sparse_BF + self.offset_F, self.tables_RD)


class HotArch(TableBlock):
    """Sums of rows, of as many ids in each sample as its table has by `hots` (MLPerf's multi-hot data).

    C: the ids of a sample, those of one table after the other.
    """

    first_row_C: Tensor
    begin_F: Tensor

    def __init__(self, tables_RD: Tensor, table_rows: Sequence[int], hots: Sequence[int]) -> None:
        super().__init__(tables_RD, table_rows)
        self.ids = sum(hots)
        first_row_C = self.offset_F.repeat_interleave(torch.tensor(hots))
        self.register_buffer("first_row_C", first_row_C, persistent=False)
        self.register_buffer("begin_F", torch.tensor([0, *accumulate(hots)][:-1]), persistent=False)

    def bags(self, sparse_BC: Tensor, *, with_end: bool = False) -> tuple[Tensor, Tensor]:
        """Return rows of the block, shape (B * C,), and where each of the B * F bags begins among them.

        `with_end`: and where the last one ends.
        """
        row_N = (sparse_BC + self.first_row_C).flatten()
        begin_BF = torch.arange(len(sparse_BC), device=sparse_BC.device).unsqueeze(1) * self.ids + self.begin_F
        begin_K = begin_BF.flatten()
        return row_N, functional.pad(begin_K, (0, 1), value=len(row_N)) if with_end else begin_K

    def forward(self, sparse_BC: Tensor) -> Tensor:
        """Return the sum of each bag, shape (B, F, D), of ids within each feature's own table."""
        row_N, begin_K = self.bags(sparse_BC)
        sum_KD = functional.embedding_bag(row_N, self.tables_RD, begin_K, mode="sum")
        return sum_KD.view(-1, len(self.offset_F), self.tables_RD.shape[1])


class PooledArch(TableBlock):
    """Sums of rows: each feature is a bag of them (multi-hot)."""

    def forward(self, row_N: Tensor, offset_K: Tensor) -> Tensor:
        """Return the sum of each bag, shape (B, F, D).

        Args:
            row_N: rows of the block, bag behind bag, those of one sample together.
            offset_K: where each of the B * F bags begins, and the end of the last one.
        """
        sum_KD = functional.embedding_bag(row_N, self.tables_RD, offset_K, mode="sum", include_last_offset=True)
        return sum_KD.view(-1, len(self.offset_F), self.tables_RD.shape[1])
