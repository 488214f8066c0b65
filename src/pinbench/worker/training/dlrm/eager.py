"""PyTorch as it stands: autograd, sparse gradients of the tables, plain SGD; on any device that PyTorch computes on.

In bfloat16, weights, rows and activations are rounded to it on their way into each product, forward and backward, and
the last layer stays in fp32, as in inference; what is trained stays in fp32: masters of both stacks, and the tables. On
a CPU without products of bfloat16, those of fp32 stand in for them: of rounded numbers, whose results are rounded.

B rows of a batch, R rows of all tables, D embedding width, F sparse features, I dense features, W width of a stack.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.device import open_device
from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.models.dlrm.interaction import CatInteraction, DotInteraction
from pinbench.worker.onednn.trained_linear import multiplies_bfloat16, trained_linear
from pinbench.worker.training.trainer import Trainer, TrainerOrder

_COMPUTE = {Precision.FP32: torch.float32, Precision.BFLOAT16: torch.bfloat16}


def require(precision: Precision) -> None:
    """Refuse a precision that gradients are not computed in.

    Raises:
        HostError: says which there are.
    """
    if precision not in _COMPUTE:
        raise HostError(f"ENGINE=eager trains in {', '.join(_COMPUTE)}, not in {precision}; choose another case")


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
        self._rounds_to = _COMPUTE[order.setting.precision]
        imitates = self._rounds_to is torch.bfloat16 and device.type == "cpu" and not multiplies_bfloat16()
        self._products = torch.float32 if imitates else self._rounds_to
        self._linear = trained_linear if device.type == "cpu" else functional.linear
        self._tables_RD = tables_RD.to(device).requires_grad_()
        self._stacks = {name: weight.detach().to(device, copy=True).requires_grad_() for name, weight in stacks.items()}
        self._first_row_F = torch.tensor([0, *accumulate(config.table_rows)][:-1], device=device)
        dot = config.interaction is Interaction.DOT
        self._interaction = (DotInteraction(config.num_tables) if dot else CatInteraction()).to(device)
        self.facts = EngineFacts(
            name="eager",
            versions={"torch": torch.__version__},
            threads=torch.get_num_threads(),
            settings={
                "device": str(device),
                "numbers": _name(self._rounds_to),
                "products": _name(self._products),
                "masters": "float32",
                "tables": "float32",
            },
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
            for weight in (self._tables_RD, *self._stacks.values()):
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
        tables = torch.split(self._tables_RD.detach(), list(self._config.table_rows))
        named = {f"emb_l.{table}.weight": rows for table, rows in enumerate(tables)}
        return named | {name: weight.detach() for name, weight in self._stacks.items()}

    def _loss(self, batch: Batch) -> Tensor:
        """Return the sum over rows of the binary cross-entropy.

        Of logits, where the reference has BCELoss of probabilities: the same numbers, but for rows whose probability
        has rounded to 0 or 1, which would have no gradient.
        """
        assert batch.label_B is not None
        label_B = batch.label_B.to(self._device)
        return functional.binary_cross_entropy_with_logits(self._logits(batch), label_B, reduction="sum")

    def _logits(self, batch: Batch) -> Tensor:
        dense_BI, sparse_BF = batch.dense_BI.to(self._device), batch.sparse_BF.to(self._device)
        dense_BD = self._hidden("bot_l", len(self._config.bottom) - 1, self._rounded(dense_BI))
        rows_BFD = functional.embedding(sparse_BF + self._first_row_F, self._tables_RD, sparse=True)
        features_BW = self._rounded(self._interaction(dense_BD, self._rounded(rows_BFD)))
        last = len(self._config.over) - 2
        hidden_BW = self._hidden("top_l", last, features_BW).float()
        return self._linear(hidden_BW, *self._layer("top_l", last)).squeeze(1)

    def _hidden(self, stack: str, layers: int, hidden_BW: Tensor) -> Tensor:
        for layer in range(layers):
            weight, bias = (self._rounded(master) for master in self._layer(stack, layer))
            hidden_BW = self._rounded(self._linear(hidden_BW, weight, bias)).relu()
        return hidden_BW

    def _layer(self, stack: str, layer: int) -> tuple[Tensor, Tensor]:
        weight, bias = (self._stacks[f"{stack}.{2 * layer}.{kind}"] for kind in ("weight", "bias"))
        return weight, bias

    def _rounded(self, numbers: Tensor) -> Tensor:
        """Return `numbers`, and on the way back their gradient, rounded to the precision, in the dtype of products."""
        return numbers.to(self._rounds_to).to(self._products)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
