"""Adagrad as MLPerf's DLRM-DCNv2 has it: element by element, for layers and tables alike.

``a += g * g; w -= rate * g / (sqrt(a) + eps)``, `a` beginning at 0, eps 1e-8 outside the root, no decay (training
reference, recommendation_v2, torchrec_dlrm/dlrm_main.py: torch.optim.Adagrad, and FBGEMM's EXACT_ADAGRAD for tables,
which adds the gradients of a row up before it squares them). Learning at a rate of 0 adds nothing to `a` either.

R rows of all tables, D embedding width, U different rows of a step, N ids of a step, K bags of a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-8

_ROWS = 65_536  # different rows that are updated at a time: 32 MB of fp32 at D = 128 for each of four intermediates


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulated:
    """The sums of the squared gradients, float32: of the tables, and of the layers by their names."""

    tables_RD: Tensor
    stacks: dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class BagGradient:
    """The gradient of the sum of each bag, and which rows of the tables are in it."""

    row_N: Tensor
    bag_N: Tensor
    gradient_KD: Tensor


def learn(weight: Tensor, accumulated: Tensor, gradient: Tensor, rate: float) -> None:
    """Change `weight` and `accumulated` in place."""
    accumulated.addcmul_(gradient, gradient)
    weight.addcdiv_(gradient, accumulated.sqrt().add_(EPSILON), value=-rate)


def learn_rows(tables_RD: Tensor, accumulated_RD: Tensor, bags: Sequence[BagGradient], rate: float) -> None:
    """Change the rows that any of `bags` has, and what is accumulated of them, in place.

    The gradient of a row is a sum over the bags that it is in: a lookup of bags by rows, the transpose of the
    forward's, so that the gradients of N ids are never in memory.
    """
    begins = [0]
    for part in bags:
        begins.append(begins[-1] + len(part.gradient_KD))
    gradient_KD = bags[0].gradient_KD if len(bags) == 1 else torch.cat([part.gradient_KD for part in bags])
    bag_N = torch.cat([part.bag_N + begin for part, begin in zip(bags, begins, strict=False)])
    row_N, order_N = torch.cat([part.row_N for part in bags]).sort(stable=True)  # stable: the same bits each time
    bag_N = bag_N[order_N]
    row_U, ids_U = torch.unique_consecutive(row_N, return_counts=True)
    begin_U = functional.pad(ids_U.cumsum(0), (1, 0))
    for first in range(0, len(row_U), _ROWS):
        chosen_U = row_U[first : first + _ROWS]
        begin, end = int(begin_U[first]), int(begin_U[first + len(chosen_U)])
        offset_U = begin_U[first : first + len(chosen_U)] - begin
        gradient_UD = functional.embedding_bag(bag_N[begin:end], gradient_KD, offset_U, mode="sum")
        weight_UD, sum_UD = tables_RD[chosen_U], accumulated_RD[chosen_U]
        learn(weight_UD, sum_UD, gradient_UD, rate)
        tables_RD.index_copy_(0, chosen_U, weight_UD)
        accumulated_RD.index_copy_(0, chosen_U, sum_UD)
