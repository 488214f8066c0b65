"""The weights of all ranks as rank 0 sees them: it asks for a table, and the rank that owns it sends it.

One table at a time is on its way, so that rank 0 needs room for its own tables and for the largest of the others'.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.training.distributed.group import Group

_END = -1  # of rank 0's questions


class Gathered(Mapping[str, Tensor]):
    """On rank 0 all weights by the reference's names, until `release`; the other ranks call `serve` meanwhile."""

    def __init__(
        self,
        group: Group,
        config: DlrmConfig,
        owned: Sequence[Sequence[int]],
        tables: Mapping[int, Tensor],
        stacks: Mapping[str, Tensor],
    ) -> None:
        """Show `tables`, this rank's by their numbers, and `stacks`."""
        self._group = group
        self._config = config
        self._owner = {table: rank for rank, tables_of in enumerate(owned) for table in tables_of}
        self._tables = tables
        self._stacks = stacks
        self._device = next(iter(stacks.values())).device
        self._names = {f"emb_l.{table}.weight": table for table in range(config.num_tables)}

    def __len__(self) -> int:
        return len(self._names) + len(self._stacks)

    def __iter__(self) -> Iterator[str]:
        yield from self._names
        yield from self._stacks

    def __getitem__(self, name: str) -> Tensor:
        """Return a weight; a table of another rank in memory of its own."""
        if name not in self._names:
            return self._stacks[name]
        table = self._names[name]
        if table in self._tables:
            return self._tables[table]
        assert self._group.rank == 0, "only rank 0 asks"
        self._ask(table)
        return self._travel(table)

    def release(self) -> None:
        """Let the other ranks go on; rank 0 has all that it wanted."""
        self._ask(_END)

    def serve(self) -> None:
        """Send what rank 0 asks for, until it has all that it wants."""
        while (table := self._ask(_END)) != _END:
            self._travel(table)

    def _ask(self, table: int) -> int:
        """Return what rank 0 asks for: there `table`."""
        question = torch.tensor([table], device=self._device)
        self._group.share(question, 0)
        return int(question)

    def _travel(self, table: int) -> Tensor:
        """Send or receive `table`, which only its owner and rank 0 hold."""
        group, owner = self._group, self._owner[table]
        numbers = self._config.table_rows[table] * self._config.embedding_dim
        sent = self._tables[table].reshape(-1) if owner == group.rank else torch.empty(0, device=self._device)
        received = torch.empty(numbers if group.rank == 0 else 0, device=self._device)
        group.exchange(
            received,
            sent,
            [numbers if group.rank == 0 and rank == owner else 0 for rank in range(group.ranks)],
            [len(sent) if rank == 0 else 0 for rank in range(group.ranks)],
        ).wait()
        return received.view(-1, self._config.embedding_dim)
