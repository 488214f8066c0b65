"""What lies on one of several ranks and travels between them, whatever computes: whole tables, and parts of a batch.

B rows of the batch, P of this rank's part, R rows of this rank's tables, F tables, O of this rank, D embedding width.
"""

from collections.abc import Mapping
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.training.distributed.group import Group
from pinbench.worker.training.dlrm._gathered import Gathered
from pinbench.worker.training.dlrm._parts import part_of_rank, tables_of_ranks
from pinbench.worker.training.dlrm._row_exchange import RowExchange


class Shards:
    """This rank's tables, `tables_of_ranks`, which lie behind each other in `tables_RD`, and its part of each batch."""

    def __init__(self, config: DlrmConfig, tables_RD: Tensor, group: Group) -> None:
        self.group = group
        self.tables_RD = tables_RD
        self.owned = tables_of_ranks(config.table_rows, group.ranks)
        self.exchange = RowExchange(group, self.owned, config.embedding_dim, tables_RD.device)
        self._config = config
        self._rows = [config.table_rows[table] for table in self.owned[group.rank]]
        assert len(tables_RD) == sum(self._rows)
        first_rows = [0, *accumulate(self._rows)][: len(self._rows)]
        self._first_row_O = torch.tensor(first_rows, dtype=torch.int64, device=tables_RD.device)
        self._own_O = torch.tensor(self.owned[group.rank], dtype=torch.int64, device=tables_RD.device)

    @property
    def settings(self) -> dict[str, str]:
        """What a trainer's facts tell of its rank."""
        return {
            "rank": f"{self.group.rank} of {self.group.ranks}",
            "backend": str(self.group.backend),
            "tables of this rank": " ".join(map(str, self.owned[self.group.rank])) or "none",
        }

    def own_rows(self, batch: Batch) -> Tensor:
        """Return where in `tables_RD` lie the rows that all of the batch needs of this rank's tables, shape (B, O)."""
        return batch.sparse_BF.to(self.tables_RD.device).index_select(1, self._own_O) + self._first_row_O

    def looked_up(self, own_BO: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the rows with these numbers, as they travel, shape (B, O, D)."""
        return functional.embedding(own_BO, self.tables_RD).to(dtype)

    def part(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return dense features and labels of this rank's part, shapes (P, I) and (P,)."""
        part = part_of_rank(len(batch.dense_BI), self.group.rank, self.group.ranks)
        rows = slice(part.start, part.stop)
        label_P = batch.dense_BI.new_empty(len(part)) if batch.label_B is None else batch.label_B[rows]
        return batch.dense_BI[rows].to(self.tables_RD.device), label_P.to(self.tables_RD.device)

    def of_all_parts(self, values_P: Tensor, batch: int) -> Tensor:
        """Return the values of all ranks' parts, shape (B,): each sends its own to everyone."""
        sizes = [len(part_of_rank(batch, rank, self.group.ranks)) for rank in range(self.group.ranks)]
        values_B = values_P.new_empty(batch)
        own = [len(values_P)] * self.group.ranks
        self.group.exchange(values_B, values_P.repeat(self.group.ranks), sizes, own).wait()
        return values_B

    def gathered(self, stacks: Mapping[str, Tensor]) -> Gathered:
        """Return the fp32 weights by the reference's names; rank 0 fetches those of tables from their owners."""
        tables = zip(self.owned[self.group.rank], torch.split(self.tables_RD, self._rows), strict=True)
        return Gathered(self.group, self._config, self.owned, dict(tables), stacks)

    def weights_of(self, batch: Batch, stacks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return copies of the weights that `batch` meets, on all ranks alike: of tables, each different row once.

        Rows are in ascending order of their numbers, shape (U, D).
        """
        rows_BFD = self.exchange.rows_of_all(self.looked_up(self.own_rows(batch), torch.float32))
        weights = {name: weight.detach().clone() for name, weight in stacks.items()}
        for table, ids_B in enumerate(batch.sparse_BF.unbind(1)):
            unique_U, place_B = torch.unique(ids_B, return_inverse=True)
            rows_UD = rows_BFD.new_empty(len(unique_U), rows_BFD.shape[2])
            rows_UD[place_B] = rows_BFD[:, table]
            weights[f"emb_l.{table}.weight"] = rows_UD
        return weights
