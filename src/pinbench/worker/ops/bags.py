"""A model whose sparse features are sums of rows, of which our operator computes these alone.

B samples, R rows of all tables, D embedding width, F tables, N ids of all bags together, K bags.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from pinbench.base.errors import OperatorError
from pinbench.worker.ops.operators import Operators

# Of the dense feature, shape (B, D), the rows of bags, shape (N,), and where each bag begins and the last one ends:
# all features behind each other, shape (B, (F + 1) * D).
BagOperator = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class BagParts:
    """The tables of a model."""

    tables_RD: Tensor
    first_row_F: Tensor
    rows_F: Tensor


@runtime_checkable
class HasBags(Protocol):
    """A model that may have sums of rows among its features, and layers behind them."""

    def bag_parts(self) -> BagParts | None:
        """Return its tables; None: it has no such features, or an operator that computes more of it."""

    def add_up_by(self, operator: BagOperator) -> None:
        """Leave the sums to `operator`."""


def make_bag_features(operators: Operators, parts: BagParts, isa: str) -> BagOperator:
    """Return the operator for these tables.

    Raises:
        OperatorError: they are of a type that it does not have.
    """
    dtype = parts.tables_RD.dtype
    if dtype not in (torch.float32, torch.bfloat16):
        raise OperatorError(f"the operators have tables of float32 and bfloat16, this model has {dtype}")
    made = operators.classes.BagFeatures(isa, parts.tables_RD.detach(), parts.first_row_F, parts.rows_F)
    forward: BagOperator = made.forward
    return forward
