"""Learning by our own operators around oneDNN's products: forward, backward and update in a few calls from Python.

Layers are of the order's precision; what is learned is fp32. Without a compiler, or for a model of another kind, the
engine `eager` learns, and its facts say so. How a step is made is in ops/source/dlrm_training.h.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pinbench.base.errors import OperatorError, UsageError
from pinbench.base.plugin import load_plugin
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.engine._needs import require_precision, versions
from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.ops import isa as isas
from pinbench.worker.ops.operators import Operators, load
from pinbench.worker.ops.training import choose_products, chunk_rows, make_training
from pinbench.worker.training import dlrm as trainers
from pinbench.worker.training.dlrm._learned import learned_parts, named_stacks, named_weights
from pinbench.worker.training.dlrm._split_rows import JoinedTables, joined, split_in_place
from pinbench.worker.training.dlrm._tables import named_tables
from pinbench.worker.training.trainer import Trainer, TrainerOrder

_TYPES = {Precision.FP32: torch.float32, Precision.BFLOAT16: torch.bfloat16}


def require(precision: Precision) -> None:
    """Check that the engine learns in `precision`.

    Raises:
        HostError: it does not; says in what it does.
    """
    require_precision("pinned", precision, tuple(_TYPES), "its operators learn in these alone")


def make(config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder) -> Trainer:
    """Return what learns `tables_RD` where they lie, and copies of `stacks`.

    Raises:
        UsageError: `order` is for another device, or limits the instruction set to one that oneDNN does not know.
    """
    if order.device != "cpu":
        raise UsageError(f"ENGINE=pinned learns on the CPU, not on {order.device}; set ENGINE=eager")
    try:
        return PinnedTrainer(config, tables_RD, stacks, order)
    except OperatorError as error:
        fallback: Trainer = load_plugin(trainers, "eager").make(config, tables_RD, stacks, order)
        fallback.facts = replace(fallback.facts, fallback=f"not pinned: {error}")
        return fallback


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What computes on this CPU."""

    operators: Operators
    dtype: torch.dtype  # of layers
    isa: str
    products: str


def choose(config: DlrmConfig, order: TrainerOrder, batch_size: int) -> Chosen:
    """Return what computes steps of up to `batch_size` rows.

    Raises:
        OperatorError: the operators cannot be had, or the model is of another kind.
    """
    if config.interaction is not Interaction.DOT:
        raise OperatorError(f"the operators learn pairwise dots, features of this model meet by {config.interaction}")
    operators = load(order.setting.cache, order.setting.cpus)
    dtype = _TYPES[order.setting.precision]
    isa = isas.best(isas.useful(dtype), order.setting.max_cpu_isa)
    return Chosen(operators=operators, dtype=dtype, isa=isa, products=choose_products(isa, batch_size))


def facts_of(chosen: Chosen, tables: str) -> EngineFacts:
    """Return what is to be told of `chosen`; `tables`: how their numbers lie in memory."""
    packing = f"oneDNN, {chosen.products} weights"
    return EngineFacts(
        name="pinned",
        versions=versions(("torch",)),
        threads=torch.get_num_threads(),
        settings={
            "compute": str(chosen.dtype).removeprefix("torch."),
            "masters": "float32",
            "tables": tables,
            "products": "PyTorch" if chosen.products == "pytorch" else packing,
        },
        isa=chosen.isa,
        build_s=chosen.operators.build_s,
    )


class PinnedTrainer:
    """A DLRM whose features meet by their dots. `operator`: what computes, its parts to be timed one by one."""

    def __init__(
        self,
        config: DlrmConfig,
        tables_RD: Tensor,
        stacks: Mapping[str, Tensor],
        order: TrainerOrder,
    ) -> None:
        """Load the operators and copy the stacks; rows of `tables_RD` that are to be split are split where they lie.

        Raises:
            OperatorError: the operators cannot be had, or the model is of another kind.
        """
        chosen = choose(config, order, order.batch_size)
        if order.split_tables and chosen.dtype is not torch.bfloat16:
            raise OperatorError("split tables are read in bfloat16, this model is in float32")
        self._config = config
        self._tables_RD = tables_RD
        self._is_split = order.split_tables
        self._parts = learned_parts(config, split_in_place(tables_RD) if order.split_tables else tables_RD, stacks)
        self.chunk_rows = chunk_rows(order.batch_size)  # samples that one call of a part of the operator takes
        self.operator: Any = make_training(
            chosen.operators, self._parts, chosen.isa, chosen.dtype, order.batch_size, chosen.products
        )
        self.facts = facts_of(chosen, "float32 in halves" if order.split_tables else "float32")

    def step(self, micro_batches: Sequence[Batch], learning_rate: float) -> Tensor:
        """Learn from all rows of `micro_batches` as of one batch, and return their mean loss before that, shape ()."""
        operator = self.operator
        operator.begin(sum(len(batch.dense_BI) for batch in micro_batches), learning_rate)
        for batch in micro_batches:
            operator.learn(batch.dense_BI, batch.sparse_BF, batch.label_B)
        operator.update_layers()
        operator.update_rows()
        return torch.tensor(operator.loss(), dtype=torch.float32)

    def predict(self, batch: Batch) -> Tensor:
        """Return the click probability of each row, float32, shape (B,)."""
        probability_B: Tensor = self.operator.predict(batch.dense_BI, batch.sparse_BF)
        return probability_B

    def state(self) -> Mapping[str, Tensor]:
        """Return the fp32 weights by the reference's names: views, but for split tables, each a copy when it is taken.

        A view's rows may lie apart: the first weights of both stacks are wider than what they are given.
        """
        if self._is_split:
            return JoinedTables(named_tables(self._config, self._tables_RD), named_stacks(self._config, self._parts))
        return named_weights(self._config, self._tables_RD, self._parts)

    def weights_of(self, batch: Batch) -> dict[str, Tensor]:
        """Return copies of the weights that `batch` meets; of tables each different row once, in ascending order."""
        weights = {name: weight.clone() for name, weight in named_stacks(self._config, self._parts).items()}
        for table, first_row in enumerate(self._config.first_rows):
            rows_UD = self._tables_RD[torch.unique(batch.sparse_BF[:, table]) + first_row]
            weights[f"emb_l.{table}.weight"] = joined(rows_UD) if self._is_split else rows_UD
        return weights
