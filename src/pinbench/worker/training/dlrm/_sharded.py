"""DLRM on several ranks, computed by PyTorch: each owns whole tables and all have both stacks of MLPs.

A step is one of the whole batch: forward, owners send looked-up rows while the bottom MLP runs; backward, gradients of
the top MLP are summed over all ranks while the interaction's are computed, and those of rows travel to their owners
while the bottom MLP's are computed. Losses, probabilities and weights are those of one process, to rounding.

B rows of the batch, P of this rank's part, F tables, O of this rank, D embedding width.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.contract.result import EngineFacts
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.device import open_device
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.training.distributed.group import Group
from pinbench.worker.training.dlrm._gathered import Gathered
from pinbench.worker.training.dlrm._row_exchange import Arriving
from pinbench.worker.training.dlrm._shards import Shards
from pinbench.worker.training.dlrm._stacks import Stacks, interaction_of
from pinbench.worker.training.dlrm._summed import Summed
from pinbench.worker.training.trainer import RankTrainer, TrainerOrder

_Lookups = list[tuple[Tensor, Arriving]]  # row numbers of a micro-batch, shape (B, O), and the gradients that come


def make(
    config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder, group: Group
) -> RankTrainer:
    """Return a trainer of `stacks` and this rank's tables, `tables_of_ranks`.

    Raises:
        HostError: the device is not there.
    """
    return Sharded(config, tables_RD, stacks, order, group)


class Sharded:
    """Not re-entrant; the same steps give the same bits on the CPU. `state` needs all ranks as well, see `Gathered`."""

    def __init__(
        self, config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder, group: Group
    ) -> None:
        self.learned = 0
        self._group = group
        self._device = open_device(order.device)
        self._shards = Shards(config, tables_RD.to(self._device), group)
        self._stacks = Stacks(config, stacks, order.setting.precision, self._device)
        self._interaction = interaction_of(config).to(self._device)
        self._exchange = self._shards.exchange
        self.facts = EngineFacts(
            name="eager",
            versions={"torch": torch.__version__},
            threads=torch.get_num_threads(),
            settings={**self._stacks.settings, **self._shards.settings},
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
            arriving = self._exchange.send_rows(self._looked_up(self._shards.own_rows(batch)))
            dense_PI, _ = self._shards.part(batch)
            dense_PD = self._stacks.bottom(dense_PI)
            features_PW = self._interaction(dense_PD, self._stacks.rounded(self._exchange.rows(arriving)))
            return self._shards.of_all_parts(torch.sigmoid(self._stacks.over(features_PW)), len(batch.dense_BI))

    def state(self) -> Gathered:
        """Return the fp32 weights by the reference's names; rank 0 fetches those of tables from their owners."""
        return self._shards.gathered({name: weight.detach() for name, weight in self._stacks.weights.items()})

    def weights_of(self, batch: Batch) -> dict[str, Tensor]:
        """Return copies of the weights that `batch` meets, as `Shards.weights_of` has them."""
        return self._shards.weights_of(batch, self._stacks.weights)

    def _learn(self, batch: Batch, rows: int, total: Tensor, lookups: _Lookups, sums: list[Summed] | None) -> None:
        """Add the gradients of one micro-batch; `sums` of the last one gets the sums over ranks that are under way."""
        own_BO = self._shards.own_rows(batch)
        with torch.enable_grad():
            arriving = self._exchange.send_rows(self._looked_up(own_BO))
            dense_PI, label_P = self._shards.part(batch)
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
        tables_RD = self._shards.tables_RD
        # Unchecked: the lookup of the same rows would have failed.
        gradient_RD = torch.sparse_coo_tensor(
            rows_N[None], torch.cat(gradients_ND), tables_RD.shape, check_invariants=False
        )
        tables_RD.add_(gradient_RD.coalesce(), alpha=-learning_rate)

    def _looked_up(self, own_BO: Tensor) -> Tensor:
        return self._shards.looked_up(own_BO, self._stacks.rounds_to)

    def _weights(self, stack: str) -> list[Tensor]:
        return [weight for name, weight in self._stacks.weights.items() if name.startswith(stack)]


def _gradient(leaf: Tensor) -> Tensor:
    assert leaf.grad is not None
    return leaf.grad
