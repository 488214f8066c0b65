"""DLRM on several ranks: each owns whole tables, all have both stacks of MLPs, and each computes its part of a batch.

A step is one of the whole batch: forward, owners send looked-up rows while the bottom MLP runs; backward, gradients of
the top MLP are summed over all ranks while the interaction's are computed, and those of rows travel to their owners
while the bottom MLP's are computed. Losses, probabilities and weights are those of one process, to rounding.

B rows of the batch, P of this rank's part, R rows of this rank's tables, F tables, O of this rank, D embedding width.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.contract.result import EngineFacts
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.device import open_device
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.training.distributed.group import Group
from pinbench.worker.training.dlrm._gathered import Gathered
from pinbench.worker.training.dlrm._parts import part_of_rank, tables_of_ranks
from pinbench.worker.training.dlrm._row_exchange import Arriving, RowExchange
from pinbench.worker.training.dlrm._stacks import Stacks, interaction_of
from pinbench.worker.training.dlrm._summed import Summed
from pinbench.worker.training.trainer import TrainerOrder

_Lookups = list[tuple[Tensor, Arriving]]  # row numbers of a micro-batch, shape (B, O), and the gradients that come


class Sharded:
    """A `Trainer` on each rank of a group: all ranks make the same calls, with the same batches.

    Not re-entrant; the same steps give the same bits on the CPU. `state` needs all ranks as well, see `Gathered`.
    """

    def __init__(
        self, config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder, group: Group
    ) -> None:
        """Train `stacks` and this rank's tables, `tables_of_ranks`, which lie behind each other in `tables_RD`.

        Raises:
            HostError: the device is not there.
        """
        self.learned = 0  # rows of this rank's parts
        self._config = config
        self._group = group
        self._device = open_device(order.device)
        owned = tables_of_ranks(config.table_rows, group.ranks)
        rows = [config.table_rows[table] for table in owned[group.rank]]
        assert len(tables_RD) == sum(rows)
        self._owned = owned
        self._tables_RD = tables_RD.to(self._device)
        self._first_row_O = torch.tensor([0, *accumulate(rows)][: len(rows)], dtype=torch.int64, device=self._device)
        self._own_O = torch.tensor(owned[group.rank], dtype=torch.int64, device=self._device)
        self._stacks = Stacks(config, stacks, order.setting.precision, self._device)
        self._interaction = interaction_of(config).to(self._device)
        self._exchange = RowExchange(group, owned, config.embedding_dim, self._device)
        self.facts = EngineFacts(
            name="eager",
            versions={"torch": torch.__version__},
            threads=torch.get_num_threads(),
            settings={
                **self._stacks.settings,
                "rank": f"{group.rank} of {group.ranks}",
                "backend": str(group.backend),
                "tables of this rank": " ".join(map(str, owned[group.rank])) or "none",
            },
        )

    def step(self, micro_batches: Sequence[Batch], learning_rate: float) -> Tensor:
        """Learn from all rows of `micro_batches` as of one batch, and return their mean loss before that, shape ()."""
        rows = sum(len(batch.dense_BI) for batch in micro_batches)
        total = torch.zeros(1, device=self._device)
        lookups: _Lookups = []
        sums: list[Summed] = []
        for number, batch in enumerate(micro_batches, 1):
            self._learn(batch, rows, total, lookups, sums if number == len(micro_batches) else None)
        with torch.no_grad():
            self._update_tables(lookups, learning_rate)
            for summed in sums:
                summed.descend(learning_rate)
        return total.squeeze(0)

    def predict(self, batch: Batch) -> Tensor:
        """Return the click probability of each row, float32, shape (B,)."""
        with torch.no_grad():
            rows_BOD = self._looked_up(self._own_rows(batch))
            dense_PI, _ = self._part(batch)
            arriving = self._exchange.send_rows(rows_BOD)
            dense_PD = self._stacks.bottom(dense_PI)
            features_PW = self._interaction(dense_PD, self._stacks.rounded(self._exchange.rows(arriving)))
            return self._of_all_parts(torch.sigmoid(self._stacks.over(features_PW)), len(batch.dense_BI))

    def state(self) -> Gathered:
        """Return the fp32 weights by the reference's names; rank 0 fetches those of tables from their owners."""
        own = torch.split(self._tables_RD, [self._config.table_rows[table] for table in self._owned[self._group.rank]])
        tables = dict(zip(self._owned[self._group.rank], own, strict=True))
        stacks = {name: weight.detach() for name, weight in self._stacks.weights.items()}
        return Gathered(self._group, self._config, self._owned, tables, stacks)

    def weights_of(self, batch: Batch) -> dict[str, Tensor]:
        """Return copies of the weights that `batch` meets, on all ranks alike: of tables, each different row once.

        Rows are in ascending order of their numbers, shape (U, D).
        """
        rows_BOD = functional.embedding(self._own_rows(batch), self._tables_RD)
        rows_BFD = self._exchange.rows_of_all(rows_BOD)
        weights = {name: weight.detach().clone() for name, weight in self._stacks.weights.items()}
        for table, ids_B in enumerate(batch.sparse_BF.unbind(1)):
            unique_U, place_B = torch.unique(ids_B, return_inverse=True)
            rows_UD = rows_BFD.new_empty(len(unique_U), rows_BFD.shape[2])
            rows_UD[place_B] = rows_BFD[:, table]
            weights[f"emb_l.{table}.weight"] = rows_UD
        return weights

    def _learn(self, batch: Batch, rows: int, total: Tensor, lookups: _Lookups, sums: list[Summed] | None) -> None:
        """Add the gradients of one micro-batch; `sums` of the last one gets the sums over ranks that are under way."""
        own_BO = self._own_rows(batch)
        with torch.enable_grad():
            arriving = self._exchange.send_rows(self._looked_up(own_BO))
            dense_PI, label_P = self._part(batch)
            dense_PD = self._stacks.bottom(dense_PI)
            rows_PFD = self._stacks.rounded(self._exchange.rows(arriving)).requires_grad_()
            dense_leaf_PD = dense_PD.detach().requires_grad_()
            features_PW = self._interaction(dense_leaf_PD, rows_PFD)
            features_leaf_PW = features_PW.detach().requires_grad_()
            logits_P = self._stacks.over(features_leaf_PW)
            # Of logits and a sum, as in eager.py; divided by the rows of all ranks, so that sums over ranks are means.
            loss = functional.binary_cross_entropy_with_logits(logits_P, label_P, reduction="sum") / rows
        total += loss.detach()
        self.learned += len(label_P)
        loss.backward()  # type: ignore[no-untyped-call]
        if sums is not None:
            sums.append(Summed(self._group, [total, *self._weights("top_l")]))
        features_PW.backward(_gradient(features_leaf_PW))
        gradient_PFD = _gradient(rows_PFD).to(self._stacks.rounds_to)
        lookups.append((own_BO, self._exchange.send_gradients(gradient_PFD, len(own_BO))))
        dense_PD.backward(_gradient(dense_leaf_PD))  # type: ignore[no-untyped-call]
        if sums is not None:
            sums.append(Summed(self._group, self._weights("bot_l")))

    def _update_tables(self, lookups: _Lookups, learning_rate: float) -> None:
        """Descend with all gradients of each row summed up first, as one process does."""
        gradients_ND = [self._exchange.gradients(arriving).flatten(0, 1).float() for _, arriving in lookups]
        rows_N = torch.cat([own_BO.flatten() for own_BO, _ in lookups])
        shape = self._tables_RD.shape
        # Unchecked: the lookup of the same rows would have failed.
        gradient_RD = torch.sparse_coo_tensor(rows_N[None], torch.cat(gradients_ND), shape, check_invariants=False)
        self._tables_RD.add_(gradient_RD.coalesce(), alpha=-learning_rate)

    def _own_rows(self, batch: Batch) -> Tensor:
        """Return where in `tables_RD` lie the rows that all of the batch needs of this rank's tables, shape (B, O)."""
        return batch.sparse_BF.to(self._device).index_select(1, self._own_O) + self._first_row_O

    def _looked_up(self, own_BO: Tensor) -> Tensor:
        return functional.embedding(own_BO, self._tables_RD).to(self._stacks.rounds_to)

    def _part(self, batch: Batch) -> tuple[Tensor, Tensor]:
        part = part_of_rank(len(batch.dense_BI), self._group.rank, self._group.ranks)
        rows = slice(part.start, part.stop)
        label_P = batch.dense_BI.new_empty(len(part)) if batch.label_B is None else batch.label_B[rows]
        return batch.dense_BI[rows].to(self._device), label_P.to(self._device)

    def _of_all_parts(self, values_P: Tensor, batch: int) -> Tensor:
        """Return the values of all ranks' parts, shape (B,): each sends its own to everyone."""
        sizes = [len(part_of_rank(batch, rank, self._group.ranks)) for rank in range(self._group.ranks)]
        values_B = values_P.new_empty(batch)
        own = [len(values_P)] * self._group.ranks
        self._group.exchange(values_B, values_P.repeat(self._group.ranks), sizes, own).wait()
        return values_B

    def _weights(self, stack: str) -> list[Tensor]:
        return [weight for name, weight in self._stacks.weights.items() if name.startswith(stack)]


def _gradient(leaf: Tensor) -> Tensor:
    assert leaf.grad is not None
    return leaf.grad
