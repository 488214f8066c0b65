"""PyTorch as it stands: autograd, sparse gradients of the tables, plain SGD; on any device that PyTorch computes on.

In bfloat16, weights, rows and activations are rounded to it on their way into each product, forward and backward, and
the last layer stays in fp32, as in inference; what is trained stays in fp32: masters of both stacks, and the tables. On
a CPU without products of bfloat16, those of fp32 stand in for them: of rounded numbers, whose results are rounded.

B rows of a batch, R rows of all tables, D embedding width, F sparse features, I dense features, W width of a stack.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.device import open_device
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.training.dlrm._stacks import COMPUTE, Stacks, interaction_of
from pinbench.worker.training.dlrm._tables import named_tables, require_trained
from pinbench.worker.training.trainer import Trainer, TrainerOrder


def require(precision: Precision) -> None:
    """Refuse a precision that gradients are not computed in.

    Raises:
        HostError: says which there are.
    """
    require_trained("eager", precision, COMPUTE)


def make(config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder) -> Trainer:
    """Return a trainer of these weights; on the CPU it writes to `tables_RD` itself.

    Raises:
        HostError: the device is not there.
    """
    return _Eager(config, tables_RD, stacks, order, open_device(order.device))


class _Eager:
    """Not re-entrant, as `Trainer` has it; on the CPU the same steps give the same bits."""

    def __init__(
        self,
        config: DlrmConfig,
        tables_RD: Tensor,
        stacks: Mapping[str, Tensor],
        order: TrainerOrder,
        device: torch.device,
    ) -> None:
        self._config = config
        self._device = device
        self._tables_RD = tables_RD.to(device).requires_grad_()
        self._stacks = Stacks(config, stacks, order.setting.precision, device)
        self._first_row_F = torch.tensor(config.first_rows, device=device)
        self._interaction = interaction_of(config).to(device)
        self.facts = EngineFacts(
            name="eager",
            versions={"torch": torch.__version__},
            threads=torch.get_num_threads(),
            settings=self._stacks.settings,
        )

    def step(self, micro_batches: Sequence[Batch], learning_rate: float) -> Tensor:
        """Learn from all rows of `micro_batches` as of one batch, and return their mean loss before that, shape ()."""
        rows = sum(len(batch.dense_BI) for batch in micro_batches)
        total = torch.zeros((), device=self._device)
        for batch in micro_batches:
            with torch.enable_grad():
                loss = self._loss(batch) / rows
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        with torch.no_grad():
            for weight in (self._tables_RD, *self._stacks.weights.values()):
                assert weight.grad is not None
                gradient = weight.grad.coalesce() if weight.grad.is_sparse else weight.grad
                weight.add_(gradient, alpha=-learning_rate)
                weight.grad = None
        return total

    def predict(self, batch: Batch) -> Tensor:
        """Return the click probability of each row, float32, shape (B,)."""
        with torch.no_grad():
            return torch.sigmoid(self._logits(batch)).cpu()

    def state(self) -> Mapping[str, Tensor]:
        """Return the fp32 weights by the reference's names, views of what is trained."""
        return named_tables(self._config, self._tables_RD.detach()) | {
            name: weight.detach() for name, weight in self._stacks.weights.items()
        }

    def _loss(self, batch: Batch) -> Tensor:
        """Return the sum over rows of the binary cross-entropy.

        Of logits, where the reference has BCELoss of probabilities: the same numbers, but for rows whose probability
        has rounded to 0 or 1, which would have no gradient.
        """
        assert batch.label_B is not None
        label_B = batch.label_B.to(self._device)
        return functional.binary_cross_entropy_with_logits(self._logits(batch), label_B, reduction="sum")

    def _logits(self, batch: Batch) -> Tensor:
        sparse_BF = batch.sparse_BF.to(self._device)
        dense_BD = self._stacks.bottom(batch.dense_BI.to(self._device))
        rows_BFD = functional.embedding(sparse_BF + self._first_row_F, self._tables_RD, sparse=True)
        return self._stacks.over(self._interaction(dense_BD, self._stacks.rounded(rows_BFD)))
