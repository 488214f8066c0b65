"""Rows of tables on their way from the ranks that own them to those that compute with them, and gradients back.

All ranks have all ids of a batch, so an owner looks up what each rank needs without being asked, as the reference does
(extend_distributed.py, alltoall): one exchange of rows forward and one of gradients back.

B rows of the batch, P of this rank's part; F tables, O of this rank; D embedding width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pinbench.worker.training.distributed.group import Group, Pending
from pinbench.worker.training.dlrm._parts import part_of_rank


class RowExchange:
    """The exchange between the ranks of `group`, of which each owns `owned[rank]` tables."""

    def __init__(self, group: Group, owned: Sequence[Sequence[int]], embedding_dim: int, device: torch.device) -> None:
        self._group = group
        self._dim = embedding_dim
        self._counts = [len(tables) for tables in owned]
        by_owner_F = torch.tensor([table for tables in owned for table in tables], device=device)
        self._by_owner_F = by_owner_F
        self._place_F = torch.argsort(by_owner_F)  # of each table among those in the order of their owners

    def send_rows(self, rows_BOD: Tensor) -> "Arriving":
        """Begin to send each rank the rows of its part; all ranks do, each with those of its own tables."""
        batch = len(rows_BOD)
        received = rows_BOD.new_empty(self._part(batch) * sum(self._counts) * self._dim)
        pending = self._exchange(received, rows_BOD.reshape(-1), self._from_owners(batch), self._to_parts(batch))
        return Arriving(pending, received, (batch, self._part(batch)))

    def rows(self, arriving: "Arriving") -> Tensor:
        """Return the rows of this rank's part, when they are there, shape (P, F, D)."""
        arriving.pending.wait()
        sizes = self._from_owners(arriving.shape[0])
        pieces = [
            piece.view(arriving.shape[1], count, self._dim)
            for piece, count in zip(torch.split(arriving.values, sizes), self._counts, strict=True)
        ]
        return torch.cat(pieces, dim=1).index_select(1, self._place_F)

    def rows_of_all(self, rows_BOD: Tensor) -> Tensor:
        """Return the rows of the whole batch on every rank, shape (B, F, D)."""
        batch, ranks = len(rows_BOD), self._group.ranks
        sizes = [batch * count * self._dim for count in self._counts]
        received, sent = rows_BOD.new_empty(sum(sizes)), rows_BOD.reshape(-1).repeat(ranks)
        self._exchange(received, sent, sizes, [rows_BOD.numel()] * ranks).wait()
        pieces = [
            piece.view(batch, count, self._dim)
            for piece, count in zip(torch.split(received, sizes), self._counts, strict=True)
        ]
        return torch.cat(pieces, dim=1).index_select(1, self._place_F)

    def send_gradients(self, gradients_PFD: Tensor, batch: int) -> "Arriving":
        """Begin to send the gradients of rows to their owners, for a batch of `batch` rows in all."""
        by_owner_PFD = gradients_PFD.index_select(1, self._by_owner_F)
        sent = torch.cat([piece.reshape(-1) for piece in torch.split(by_owner_PFD, self._counts, dim=1)])
        own = self._counts[self._group.rank]
        received = gradients_PFD.new_empty(batch * own * self._dim)
        pending = self._exchange(received, sent, self._to_parts(batch), self._from_owners(batch))
        return Arriving(pending, received, (batch, own))

    def gradients(self, arriving: "Arriving") -> Tensor:
        """Return the gradients of all looked-up rows of this rank's tables, when they are there, shape (B, O, D)."""
        arriving.pending.wait()
        return arriving.values.view(*arriving.shape, self._dim)

    def _exchange(self, received: Tensor, sent: Tensor, from_ranks: list[int], to_ranks: list[int]) -> Pending:
        """Exchange bytes: not every backend knows bfloat16."""
        size = sent.element_size()
        from_bytes, to_bytes = ([numbers * size for numbers in sizes] for sizes in (from_ranks, to_ranks))
        return self._group.exchange(received.view(torch.uint8), sent.view(torch.uint8), from_bytes, to_bytes)

    def _part(self, batch: int, rank: int | None = None) -> int:
        return len(part_of_rank(batch, self._group.rank if rank is None else rank, self._group.ranks))

    def _from_owners(self, batch: int) -> list[int]:
        return [self._part(batch) * count * self._dim for count in self._counts]

    def _to_parts(self, batch: int) -> list[int]:
        own = self._counts[self._group.rank]
        return [self._part(batch, rank) * own * self._dim for rank in range(self._group.ranks)]


class Arriving:
    """Numbers that are on their way, and their first two sizes."""

    def __init__(self, pending: Pending, values: Tensor, shape: tuple[int, int]) -> None:
        self.pending = pending
        self.values = values
        self.shape = shape
