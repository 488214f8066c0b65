"""Whether a trainer computes what it should: its probabilities, its loss and one update, against an independent fp32.

B checked rows, H ids of a row in a table, F sparse features, D embedding width, U different rows of a table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.base.errors import ModelError
from pinbench.contract.case import Precision
from pinbench.contract.result import Quality
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.checkpoint import LEARNED
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.onednn.fpmath import full_fp32
from pinbench.worker.recipes._dlrm_parts import CHECKED_ROWS
from pinbench.worker.training.adagrad import EPSILON
from pinbench.worker.training.feed import part_of
from pinbench.worker.training.trainer import Trainer

# Of the norm of an update, its difference to that of fp32. In bfloat16 each of some ten roundings on the way back (unit
# roundoff 0.2 %) and a few ReLUs that fall on the other side of 0 add up to some 2 %.
_UPDATE_TOLERANCE = {Precision.FP32: 1e-3, Precision.FP16: 0.03, Precision.BFLOAT16: 0.1}
WeightsOf = Callable[[Batch], Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """By how much a trainer may be off, and what the check may do to it."""

    logits: float
    learns: bool  # whether a step may change weights
    rate: float = 1.0  # of that step


def check(
    trainer: Trainer,
    config: DlrmConfig,
    batch: Batch,
    precision: Precision,
    allowed: Allowance,
) -> Quality:
    """Return how far the trainer's logits are from an independent computation with its own weights.

    A trainer whose state is not all here, or not in fp32, returns those that a batch meets by its `weights_of`.

    Raises:
        ModelError: logits, loss or update are off by more than the precision explains.
    """
    part = part_of(batch, 0, min(CHECKED_ROWS, len(batch.dense_BI)))
    weights_of: WeightsOf = getattr(trainer, "weights_of", lambda batch: _picked(config, trainer.state(), batch))
    before = _Independent(config, weights_of(part), part)
    # A probability within 1e-7 of 0 or 1 has no digits left to compare.
    bound = torch.logit(torch.tensor(1 - 1e-7, dtype=torch.float64))
    logits_B = torch.logit(trainer.predict(part).cpu().double(), eps=1e-7)
    error = (logits_B - before.logits_B.double().clamp(-bound, bound)).abs().max().item()
    if not error <= allowed.logits:  # NaN is not below anything
        raise ModelError(
            f"the trainer's outputs differ from fp32 by {error:g} in the logit, {precision} allows {allowed.logits:g}: "
            "the number would be of another computation"
        )
    loss = float(trainer.step([part], allowed.rate if allowed.learns else 0.0))
    if not abs(loss - before.loss) <= allowed.logits:  # a loss moves by no more than its logit does
        raise ModelError(f"the trainer's loss is {loss:g}, that of fp32 {before.loss:g}: it learns something else")
    if allowed.learns:
        _require_update(before, weights_of(part), precision, allowed.rate)
    return Quality(samples=len(part.dense_BI), max_logit_error=error, tolerance=allowed.logits)


class _Independent:
    """The textbook computation of a batch with a trainer's weights, and its gradients."""

    def __init__(self, config: DlrmConfig, weights: Mapping[str, Tensor], batch: Batch) -> None:
        assert batch.label_B is not None
        self.accumulated = {name: sums for name, sums in weights.items() if name.startswith(LEARNED)}
        own = {name: weight for name, weight in weights.items() if name not in self.accumulated}
        self.weights = {name: weight.clone().requires_grad_() for name, weight in own.items()}
        stacks = {name: weight for name, weight in self.weights.items() if not name.startswith("emb_l.")}
        places = [torch.unique(ids_BH, return_inverse=True)[1] for ids_BH in _by_table(config, batch)]
        with torch.enable_grad(), full_fp32():
            rows_BFD = torch.stack(
                [self.weights[f"emb_l.{table}.weight"][place_BH].sum(1) for table, place_BH in enumerate(places)], dim=1
            )
            logits_B = reference_logits(config, stacks, batch.dense_BI, rows_BFD)
            loss = functional.binary_cross_entropy_with_logits(logits_B, batch.label_B)
            loss.backward()  # type: ignore[no-untyped-call]
        self.logits_B = logits_B.detach()
        self.loss = loss.item()


def _by_table(config: DlrmConfig, batch: Batch) -> tuple[Tensor, ...]:
    """Return the ids of each table, shape (B, H): as many as a row has there."""
    return torch.split(batch.sparse_BF, list(config.hots or (1,) * config.num_tables), dim=1)


def _picked(config: DlrmConfig, state: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
    """Return a copy of the weights that `batch` meets: of tables, its different rows in ascending order, (U, D)."""
    chosen = {f"emb_l.{table}.weight": torch.unique(ids_BH) for table, ids_BH in enumerate(_by_table(config, batch))}
    picked: dict[str, Tensor] = {}
    for name, weight in state.items():
        chosen_U = chosen.get(name.removeprefix(LEARNED))
        picked[name] = weight.cpu().clone() if chosen_U is None else weight[chosen_U.to(weight.device)].cpu()
    return picked


def _require_update(before: _Independent, after: Mapping[str, Tensor], precision: Precision, rate: float) -> None:
    """Refuse what was learned unless it follows from the gradients, and Adagrad's sums are of their squares."""
    tolerance = _UPDATE_TOLERANCE[precision]
    weights, sums = _Difference(), _Difference()
    for name, weight in before.weights.items():
        assert weight.grad is not None
        gradient = (weight.detach() - after[name]) / rate
        accumulated = after.get(f"{LEARNED}{name}")
        if accumulated is not None:
            gradient = gradient * (accumulated.sqrt() + EPSILON)
            sums.add(accumulated - before.accumulated[f"{LEARNED}{name}"], weight.grad.square())
        weights.add(gradient, weight.grad)
    if not weights.share <= tolerance:
        raise ModelError(
            f"a step of the trainer differs from one of fp32 by {weights.share:.2g} of its length, {precision} allows "
            f"{tolerance:g}: the number would be of another training"
        )
    if not sums.share <= 2 * tolerance:  # the square of what is off by a share is off by twice that
        raise ModelError(
            f"what Adagrad adds up in a step differs from the squared gradients by {sums.share:.2g}, {precision} "
            f"allows {2 * tolerance:g}: the number would be of another training"
        )


class _Difference:
    """How far numbers are from others, as a share of their length."""

    def __init__(self) -> None:
        self._difference = self._total = 0.0

    def add(self, found: Tensor, wanted: Tensor) -> None:
        """Take these numbers, too."""
        self._difference += float((found - wanted).double().square().sum())
        self._total += float(wanted.double().square().sum())

    @property
    def share(self) -> float:
        """Their distance over the length of those wanted."""
        return (self._difference / self._total) ** 0.5 if self._total else 0.0
