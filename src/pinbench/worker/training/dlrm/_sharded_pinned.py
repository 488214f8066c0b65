"""DLRM on several ranks, computed by our own operators: what travels is as in `_sharded`, arithmetic as in `pinned`.

The operator of one process gets this rank's part of a batch, and for its tables the rows that have arrived for it: row
``sample * F + table``. Its gradients, times the rate already, are summed over the ranks before its layers are updated,
and those of rows go to their owners, which add them in the order of the whole batch, as one process does.

B rows of the batch, P of this rank's part, F tables, O of this rank, D embedding width, I dense features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pinbench.base.errors import OperatorError, UsageError
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.ops.training import chunk_rows, make_training
from pinbench.worker.training.distributed.group import Group
from pinbench.worker.training.dlrm import _sharded
from pinbench.worker.training.dlrm._gathered import Gathered
from pinbench.worker.training.dlrm._learned import learned_parts, named_stacks
from pinbench.worker.training.dlrm._row_exchange import Arriving
from pinbench.worker.training.dlrm._shards import Shards
from pinbench.worker.training.dlrm.pinned import Chosen, choose, facts_of
from pinbench.worker.training.trainer import RankTrainer, TrainerOrder

_BOTTOM, _OVER = False, True  # of the operator's gradients
_Sum = Callable[[], Tensor]  # waits for a sum over all ranks


def make(
    config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder, group: Group
) -> RankTrainer:
    """Return a trainer of `stacks` and this rank's tables; PyTorch's on all ranks where one lacks the operators.

    Raises:
        UsageError: `order` is for another device.
    """
    if order.device != "cpu":
        raise UsageError(f"ENGINE=pinned learns on the CPU, not on {order.device}; set ENGINE=eager")
    reason = "another rank does not have its operators"
    chosen: Chosen | None = None
    try:
        chosen = choose(config, order, _most_of_part(order, group))
    except OperatorError as error:
        reason = str(error)
    if group.least(int(chosen is not None)) and chosen is not None:
        return ShardedPinned(config, tables_RD, stacks, order, group, chosen)
    fallback = _sharded.make(config, tables_RD, stacks, order, group)
    fallback.facts = replace(fallback.facts, fallback=f"not pinned: {reason}")
    return fallback


class ShardedPinned:
    """Not re-entrant; the same steps give the same bits. `state` needs all ranks as well, see `Gathered`."""

    def __init__(
        self,
        config: DlrmConfig,
        tables_RD: Tensor,
        stacks: Mapping[str, Tensor],
        order: TrainerOrder,
        group: Group,
        chosen: Chosen,
    ) -> None:
        self.learned = 0
        self._config = config
        self._group = group
        self._shards = Shards(config, tables_RD, group)
        self._exchange = self._shards.exchange
        most, tables = _most_of_part(order, group), config.num_tables
        self._arrived_KD = torch.zeros(most * tables, config.embedding_dim)  # K = P F
        self._id_PF = (torch.arange(most) * tables)[:, None].repeat(1, tables)
        self._parts = replace(
            learned_parts(config, self._arrived_KD, stacks),
            first_row_F=torch.arange(tables),
            rows_F=torch.full((tables,), (most - 1) * tables + 1),
        )
        self._dtype = chosen.dtype
        self._chunk = chunk_rows(most)
        self._operator: Any = make_training(
            chosen.operators, self._parts, chosen.isa, chosen.dtype, most, chosen.products
        )
        self._rows: Any = chosen.operators.classes.DlrmRows(chosen.isa, tables_RD)
        facts = facts_of(chosen, "float32")
        self.facts = replace(facts, settings={**facts.settings, **self._shards.settings})

    def step(self, micro_batches: Sequence[Batch], learning_rate: float) -> Tensor:
        """Learn from all rows of `micro_batches` as of one batch, and return their mean loss before that, shape ()."""
        operator = self._operator
        parts = [self._shards.part(batch) for batch in micro_batches]
        own = sum(len(label_P) for _, label_P in parts)
        operator.begin_part(own, sum(len(batch.dense_BI) for batch in micro_batches), learning_rate)
        lookups: list[tuple[Tensor, Arriving]] = []
        sums: list[_Sum] = []
        made = 0
        for number, (batch, (dense_PI, label_P)) in enumerate(zip(micro_batches, parts, strict=True), 1):
            own_BO = self._learn(batch, dense_PI, label_P)
            rows_PFD = operator.row_gradients(made, len(label_P))
            lookups.append((own_BO, self._exchange.send_gradients(rows_PFD, len(own_BO))))
            if number == len(micro_batches):
                loss = torch.tensor([operator.part_of_loss()], dtype=torch.float32)
                sums.append(self._sum(torch.cat([operator.gradients(_OVER), loss])))
            if len(label_P):
                operator.bottom_backward()
            made += len(label_P)
        sums.append(self._sum(operator.gradients(_BOTTOM)))
        self._update_rows(lookups)
        over, bottom = (summed() for summed in sums)
        operator.replace_gradients(_OVER, over[:-1])
        operator.replace_gradients(_BOTTOM, bottom)
        operator.update_layers()
        self.learned += own
        return over[-1]

    def predict(self, batch: Batch) -> Tensor:
        """Return the click probability of each row, float32, shape (B,)."""
        arriving = self._exchange.send_rows(self._shards.looked_up(self._shards.own_rows(batch), self._dtype))
        dense_PI, _ = self._shards.part(batch)
        self._receive(arriving)
        probability_P: Tensor = self._operator.predict(dense_PI, self._id_PF[: len(dense_PI)])
        return self._shards.of_all_parts(probability_P, len(batch.dense_BI))

    def state(self) -> Gathered:
        """Return the fp32 weights by the reference's names; rank 0 fetches those of tables from their owners."""
        return self._shards.gathered(named_stacks(self._config, self._parts))

    def weights_of(self, batch: Batch) -> dict[str, Tensor]:
        """Return copies of the weights that `batch` meets, as `Shards.weights_of` has them."""
        return self._shards.weights_of(batch, named_stacks(self._config, self._parts))

    def _learn(self, batch: Batch, dense_PI: Tensor, label_P: Tensor) -> Tensor:
        """Add the gradients of one micro-batch, but for the bottom MLP's of its last chunk; return its `own_rows`."""
        operator = self._operator
        own_BO = self._shards.own_rows(batch)
        arriving = self._exchange.send_rows(self._shards.looked_up(own_BO, self._dtype))
        rows = len(label_P)
        for begin in range(0, rows, self._chunk):
            chunk = slice(begin, min(begin + self._chunk, rows))
            if begin:
                operator.bottom_backward()  # of the chunk before
            operator.bottom(dense_PI[chunk])
            if not begin:
                self._receive(arriving)
            operator.meet(self._id_PF[chunk])
            operator.over()
            operator.finish(label_P[chunk])
            operator.over_backward()
            operator.meet_backward(self._id_PF[chunk])
        if not rows:
            self._receive(arriving)
        return own_BO

    def _receive(self, arriving: Arriving) -> None:
        rows_PFD = self._exchange.rows(arriving)
        self._arrived_KD[: rows_PFD.shape[0] * rows_PFD.shape[1]].copy_(rows_PFD.flatten(0, 1))

    def _sum(self, flat: Tensor) -> "_Sum":
        pending = self._group.sum(flat)

        def summed() -> Tensor:
            pending.wait()
            return flat

        return summed

    def _update_rows(self, lookups: Sequence[tuple[Tensor, Arriving]]) -> None:
        """Add to each row all its gradients, in the order of the batch."""
        gradients_ND = [self._exchange.gradients(arriving).flatten(0, 1) for _, arriving in lookups]
        rows_N = [own_BO.flatten() for own_BO, _ in lookups]
        self._rows.add(torch.cat(rows_N), torch.cat(gradients_ND))


def _most_of_part(order: TrainerOrder, group: Group) -> int:
    """Return the rows of the largest part of a batch."""
    return -(-order.batch_size // group.ranks)
