"""PyTorch as it stands: autograd, rows that are added up by its embedding_bag, and Adagrad.

What is trained stays in fp32: masters of all layers, the tables, and what Adagrad adds up. In bfloat16, weights, sums
of rows and activations are rounded to it on their way into each product, forward and backward, and the last layer stays
in fp32. On a CPU without products of bfloat16, those of fp32 stand in for them.

B rows of a batch, C ids of a row, R rows of all tables, D embedding width, F sparse features, N = B * C, K = B * F.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.base.errors import UsageError
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.checkpoint import LEARNED
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.sparse import HotArch
from pinbench.worker.training.adagrad import EPSILON, Accumulated, BagGradient, learn, learn_rows
from pinbench.worker.training.dlrm._stacks import COMPUTE
from pinbench.worker.training.dlrm._tables import named_tables, require_trained
from pinbench.worker.training.dlrm_dcn._cross_stacks import CrossStacks
from pinbench.worker.training.trainer import Trainer, TrainerOrder


def require(precision: Precision) -> None:
    """Refuse a precision that gradients are not computed in.

    Raises:
        HostError: says which there are.
    """
    require_trained("eager", precision, COMPUTE)


def make(config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder) -> Trainer:
    """Return a trainer of these weights, which writes to `tables_RD` and to what is accumulated.

    Raises:
        UsageError: it is to learn elsewhere than on the CPU.
    """
    if order.device != "cpu":
        raise UsageError(f"DLRM-DCNv2 learns on the CPU, not on {order.device}; leave DEVICE out")
    return _Eager(config, tables_RD, stacks, order)


class _Eager:
    """Not re-entrant, as `Trainer` has it; the same steps give the same bits."""

    def __init__(
        self, config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder
    ) -> None:
        assert order.accumulated is not None
        self._config = config
        self._tables_RD = tables_RD
        self._bags = HotArch(tables_RD, config.table_rows, config.hots or (1,) * config.num_tables)
        self._stacks = CrossStacks(config, stacks, order.setting.precision)
        self._accumulated: Accumulated = order.accumulated
        self._table_C = torch.tensor(config.id_tables)
        self.facts = EngineFacts(
            name="eager",
            versions={"torch": torch.__version__},
            threads=torch.get_num_threads(),
            settings=self._stacks.settings | {"optimizer": f"Adagrad by element, eps {EPSILON:g}, from 0 on"},
        )

    def step(self, micro_batches: Sequence[Batch], learning_rate: float) -> Tensor:
        """Learn from all rows of `micro_batches` as of one batch, and return their mean loss before that, shape ().

        At a rate of 0 nothing changes, what is accumulated included.
        """
        rows = sum(len(batch.dense_BI) for batch in micro_batches)
        total, bags = torch.zeros(()), []
        gradients: list[Tensor] = []
        for batch in micro_batches:
            loss, bag, own = self._gradients(batch, rows)
            total += loss
            bags.append(bag)
            gradients = [sum_.add_(part) for sum_, part in zip(gradients, own, strict=True)] if gradients else own
        if learning_rate:
            with torch.no_grad():
                for (name, weight), gradient in zip(self._stacks.weights.items(), gradients, strict=True):
                    learn(weight, self._accumulated.stacks[name], gradient, learning_rate)
                learn_rows(self._tables_RD, self._accumulated.tables_RD, bags, learning_rate)
        return total

    def predict(self, batch: Batch) -> Tensor:
        """Return the click probability of each row, float32, shape (B,)."""
        with torch.no_grad():
            return torch.sigmoid(self._stacks.logits(batch.dense_BI, self._bags(batch.sparse_BF)))

    def state(self) -> Mapping[str, Tensor]:
        """Return the fp32 weights and what is accumulated of each, views of what is trained."""
        accumulated = self._accumulated
        learned = named_tables(self._config, accumulated.tables_RD) | accumulated.stacks
        return (
            named_tables(self._config, self._tables_RD)
            | {name: weight.detach() for name, weight in self._stacks.weights.items()}
            | {f"{LEARNED}{name}": sums for name, sums in learned.items()}
        )

    def _gradients(self, batch: Batch, rows: int) -> tuple[Tensor, BagGradient, list[Tensor]]:
        """Return the loss of a batch among `rows` rows, and its gradients: of the sums of rows, and of the layers."""
        assert batch.label_B is not None
        row_N, begin_K = self._bags.bags(batch.sparse_BF)
        with torch.no_grad():
            sum_KD = functional.embedding_bag(row_N, self._tables_RD, begin_K, mode="sum")
        sum_KD.requires_grad_()
        with torch.enable_grad():
            sums_BFD = sum_KD.view(len(batch.dense_BI), self._config.num_tables, -1)
            logit_B = self._stacks.logits(batch.dense_BI, sums_BFD)
            loss = functional.binary_cross_entropy_with_logits(logit_B, batch.label_B, reduction="sum") / rows
            gradient_KD, *gradients = torch.autograd.grad(loss, [sum_KD, *self._stacks.weights.values()])
        first_bag_B1 = torch.arange(len(batch.dense_BI)).unsqueeze(1) * self._config.num_tables
        bag_N = (first_bag_B1 + self._table_C).flatten()
        return loss.detach(), BagGradient(row_N=row_N, bag_N=bag_N, gradient_KD=gradient_KD), list(gradients)
