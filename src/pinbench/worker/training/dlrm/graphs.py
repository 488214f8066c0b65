"""DLRM for accelerators: a step without sparse tensors and without waiting for the device, recorded once on CUDA.

All inputs of a batch lie in memory that stays, so that forward, backward and update are one CUDA graph; where there are
no graphs the same work runs as it stands. Gradients are those of the sum over the rows, not of their mean: against
their mean that is a loss scale of as many as there are rows, which keeps fp16 from losing small ones. Where the sums
of a step leave fp16's range, the step is made again with smaller ones, so no step is skipped and no state is kept.

B rows of a batch, R rows of all tables, D embedding width, F sparse features, I dense features, W width of a stack.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.base.errors import ModelError
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts, Kernel
from pinbench.worker import device as devices
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.training.dlrm._products import Products
from pinbench.worker.training.dlrm._stacks import interaction_of
from pinbench.worker.training.dlrm._tables import named_tables, require_trained
from pinbench.worker.training.trainer import Trainer, TrainerOrder

_COMPUTE = {Precision.FP32: torch.float32, Precision.FP16: torch.float16, Precision.BFLOAT16: torch.bfloat16}
_LEAST_SCALE = 2.0**-24  # below that fp16 has no numbers left
_MOST_RECORDED = 2  # batch sizes of each kind of work: that of steps, and the last one's of an epoch is not worth it


def require(precision: Precision) -> None:
    """Refuse a precision that gradients are not computed in.

    Raises:
        HostError: says which there are.
    """
    require_trained("graphs", precision, _COMPUTE)


def make(config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder) -> Trainer:
    """Return a trainer of these weights; on the CPU it writes to `tables_RD` itself.

    Raises:
        HostError: the device is not there, or the tables do not fit on it.
    """
    device = devices.open_device(order.device)
    devices.require_room(device, tables_RD.nbytes, "the tables")
    return _Graphs(config, tables_RD, stacks, order, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """Where the inputs and outputs of a batch of one size lie."""

    dense_BI: Tensor
    sparse_BF: Tensor
    label_B: Tensor
    loss: Tensor  # sum over the rows
    is_finite: Tensor  # whether all gradients are
    logit_B: Tensor


class _Graphs:
    """Not re-entrant, as `Trainer` has it. On CUDA rows that occur several times add up in any order."""

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
        self._compute = _COMPUTE[order.setting.precision]
        self._tables_RD = tables_RD.to(device)
        self._stacks = {name: weight.detach().to(device, copy=True).requires_grad_() for name, weight in stacks.items()}
        self._first_row_F = torch.tensor(config.first_rows, device=device)
        self._interaction = interaction_of(config).to(device)
        self._scale = torch.ones((), device=device)  # of the gradients of the sum
        self._rate = torch.zeros((), device=device)  # of the update, of gradients that are scaled and of a sum
        self.own_kernels: tuple[Kernel, ...] = ()  # of the first work, as PyTorch has dispatched it
        self._steps: dict[int, tuple[_Room, devices.Work]] = {}
        self._predictions: dict[int, tuple[_Room, devices.Work]] = {}
        self.facts = EngineFacts(
            name="graphs",
            versions={"torch": torch.__version__},
            threads=torch.get_num_threads(),
            settings={
                "device": str(device),
                "compute": str(self._compute).removeprefix("torch."),
                "masters": "float32",
                "tables": "float32",
                "graphs": "recorded" if devices.has_graphs(device) else "none",
            },
        )

    def step(self, micro_batches: Sequence[Batch], learning_rate: float) -> Tensor:
        """Learn from all rows of `micro_batches` as of one batch, and return their mean loss before that, shape ().

        Raises:
            ModelError: the loss is a number, but its gradients are not, however small they are made.
        """
        rows = sum(len(batch.dense_BI) for batch in micro_batches)
        scale = 1.0
        while True:
            self._scale.fill_(scale)
            self._rate.fill_(learning_rate / (rows * scale))
            loss, is_finite = self._one(micro_batches[0]) if len(micro_batches) == 1 else self._many(micro_batches)
            if is_finite or not math.isfinite(loss):  # of a loss that is no number the caller is to be told
                return torch.tensor(loss / rows)
            scale /= 2
            if scale < _LEAST_SCALE:
                raise ModelError(
                    f"the loss of a step is {loss / rows:g}, but its gradients are no numbers in {self._compute}: the "
                    "training has diverged; set LEARNING_RATE lower or LR_WARMUP_STEPS higher"
                )

    def predict(self, batch: Batch) -> Tensor:
        """Return the click probability of each row, float32, shape (B,), on the CPU: computed, not only begun."""
        room, work = self._prepared(self._predictions, batch, self._forward)
        _put(room, batch)
        work()
        return torch.sigmoid(room.logit_B).cpu()

    def state(self) -> Mapping[str, Tensor]:
        """Return the fp32 weights by the reference's names, views of what is trained."""
        return named_tables(self._config, self._tables_RD) | {
            name: weight.detach() for name, weight in self._stacks.items()
        }

    def _one(self, batch: Batch) -> tuple[float, bool]:
        """Learn from a batch in one piece of work; nothing is learned unless the gradients are finite."""
        assert batch.label_B is not None
        room, work = self._prepared(self._steps, batch, self._whole_step)
        _put(room, batch)
        work()
        return float(room.loss), bool(room.is_finite)

    def _many(self, micro_batches: Sequence[Batch]) -> tuple[float, bool]:
        """Learn from the sum of the gradients of several batches, all of the same weights."""
        total, dense, tables = 0.0, None, []
        for batch in micro_batches:
            room = self._room(len(batch.dense_BI), batch)
            _put(room, batch)
            row_gradient_BFD, gradients = self._gradients(room)
            total += float(room.loss)
            tables.append((room.sparse_BF, row_gradient_BFD))
            dense = gradients if dense is None else [sum_ + own for sum_, own in zip(dense, gradients, strict=True)]
        assert dense is not None
        finite = all(bool(torch.isfinite(part).all()) for part in (*dense, *(gradient for _, gradient in tables)))
        if finite:
            self._update_stacks(dense, None)
            for sparse_BF, row_gradient_BFD in tables:
                self._update_tables(sparse_BF, row_gradient_BFD, None)
        return total, finite

    def _whole_step(self, room: _Room) -> None:
        row_gradient_BFD, gradients = self._gradients(room)
        parts = [torch.isfinite(gradient).all() for gradient in (row_gradient_BFD, *gradients)]
        room.is_finite.copy_(torch.stack(parts).all())
        self._update_stacks(gradients, room.is_finite)
        self._update_tables(room.sparse_BF, row_gradient_BFD, room.is_finite)

    def _gradients(self, room: _Room) -> tuple[Tensor, list[Tensor]]:
        """Set the loss, and return its gradients: of the rows that were looked up, and of the stacks in their order."""
        with torch.enable_grad():
            rows_BFD = self._lookup(room.sparse_BF).requires_grad_()
            logit_B = self._logits(room.dense_BI, rows_BFD)
            loss = functional.binary_cross_entropy_with_logits(logit_B, room.label_B, reduction="sum")
            scaled = loss * self._scale
        room.loss.copy_(loss.detach())
        row_gradient_BFD, *gradients = torch.autograd.grad(scaled, [rows_BFD, *self._stacks.values()])
        return row_gradient_BFD, list(gradients)

    def _update_stacks(self, gradients: Sequence[Tensor], is_finite: Tensor | None) -> None:
        with torch.no_grad():
            for weight, gradient in zip(self._stacks.values(), gradients, strict=True):
                weight.sub_(_only_if(is_finite, gradient * self._rate))

    def _update_tables(self, sparse_BF: Tensor, row_gradient_BFD: Tensor, is_finite: Tensor | None) -> None:
        change_BFD = _only_if(is_finite, row_gradient_BFD * -self._rate)
        self._tables_RD.index_add_(0, self._rows(sparse_BF), change_BFD.flatten(0, 1))

    def _forward(self, room: _Room) -> None:
        with torch.no_grad():
            room.logit_B.copy_(self._logits(room.dense_BI, self._lookup(room.sparse_BF)))

    def _lookup(self, sparse_BF: Tensor) -> Tensor:
        rows_ND = self._tables_RD.index_select(0, self._rows(sparse_BF))
        return rows_ND.view(*sparse_BF.shape, self._config.embedding_dim)

    def _rows(self, sparse_BF: Tensor) -> Tensor:
        return (sparse_BF + self._first_row_F).flatten()

    def _logits(self, dense_BI: Tensor, rows_BFD: Tensor) -> Tensor:
        dense_BD = self._hidden("bot_l", len(self._config.bottom) - 1, dense_BI.to(self._compute))
        features_BW = self._interaction(dense_BD, rows_BFD.to(self._compute))
        last = len(self._config.over) - 2
        hidden_BW = self._hidden("top_l", last, features_BW).float()
        weight, bias = self._stacks[f"top_l.{2 * last}.weight"], self._stacks[f"top_l.{2 * last}.bias"]
        return functional.linear(hidden_BW, weight, bias).squeeze(1)

    def _hidden(self, stack: str, layers: int, hidden_BW: Tensor) -> Tensor:
        for layer in range(layers):
            weight, bias = (self._stacks[f"{stack}.{2 * layer}.{kind}"] for kind in ("weight", "bias"))
            hidden_BW = functional.linear(hidden_BW, weight.to(self._compute), bias.to(self._compute)).relu()
        return hidden_BW

    def _prepared(
        self, kept: dict[int, tuple[_Room, devices.Work]], batch: Batch, work: Callable[[_Room], None]
    ) -> tuple[_Room, devices.Work]:
        """Return memory for a batch of this size and the work on it; the first sizes are recorded and kept."""
        rows = len(batch.dense_BI)
        if rows in kept:
            return kept[rows]
        room = self._room(rows, batch)
        if len(kept) >= _MOST_RECORDED:
            return room, lambda: work(room)
        rate = self._rate.clone()
        self._rate.zero_()  # what runs before, for its formats and for recording, must change no weight
        with Products() as products:
            work(room)
        self.own_kernels = self.own_kernels or products.kernels()
        kept[rows] = room, devices.record(self._device, lambda: work(room))
        self._rate.copy_(rate)
        return kept[rows]

    def _room(self, rows: int, like: Batch) -> _Room:
        device = self._device
        return _Room(
            dense_BI=torch.zeros(rows, like.dense_BI.shape[1], device=device),
            sparse_BF=torch.zeros(rows, self._config.num_tables, dtype=torch.int64, device=device),
            label_B=torch.zeros(rows, device=device),
            loss=torch.zeros((), device=device),
            is_finite=torch.ones((), dtype=torch.bool, device=device),
            logit_B=torch.zeros(rows, device=device),
        )


def _put(room: _Room, batch: Batch) -> None:
    room.dense_BI.copy_(batch.dense_BI)
    room.sparse_BF.copy_(batch.sparse_BF)
    if batch.label_B is not None:
        room.label_B.copy_(batch.label_B)


def _only_if(is_finite: Tensor | None, change: Tensor) -> Tensor:
    """Return `change`, or nothing but zeros where gradients are not finite; decided on the device, without a wait."""
    return change if is_finite is None else torch.where(is_finite, change, torch.zeros_like(change))
