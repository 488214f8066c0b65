"""The sparse arch: all embedding tables behind each other in one block, so that a batch is one gather."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional


class SparseArch(nn.Module):
    """One row a feature (Criteo is one-hot), looked up in a single contiguous (rows of all tables, D) block.

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

    def forward(self, sparse_BF: Tensor) -> Tensor:
        """Return the rows of `sparse_BF` (ids within each feature's own table), shape (B, F, D)."""
        return functional.embedding(sparse_BF + self.offset_F, self.tables_RD)
