"""Gradients of weights that all ranks have, summed over the ranks in one exchange while others are computed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pinbench.worker.training.distributed.group import Group


class Summed:
    """The sum over ranks of the gradients of `weights`; of one that has none, its own numbers."""

    def __init__(self, group: Group, weights: Sequence[Tensor]) -> None:
        """Begin to sum; gradients are taken from the weights, which have none from then on."""
        self._weights = weights
        self._flat = torch.cat([(w if w.grad is None else w.grad).detach().flatten() for w in weights])
        for weight in weights:
            weight.grad = None
        self._pending = group.sum(self._flat)

    def descend(self, learning_rate: float) -> None:
        """Wait for the sums, and take each weight a step down its gradient; a loss is replaced by its sum."""
        self._pending.wait()
        pieces = torch.split(self._flat, [weight.numel() for weight in self._weights])
        for weight, piece in zip(self._weights, pieces, strict=True):
            if weight.requires_grad:
                weight.add_(piece.view_as(weight), alpha=-learning_rate)
            else:
                weight.copy_(piece.view_as(weight))
