"""What our operators compute, in parts: tables, two stacks of layers, and a last layer with one output."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from pinbench.base.errors import OperatorError
from pinbench.worker.ops.cast import ToFloat


@dataclass(frozen=True, slots=True, kw_only=True)
class DotParts:
    """A model in which features meet by their dot products, as its modules hold it."""

    tables_RD: Tensor
    first_row_F: Tensor
    bottom: nn.Sequential
    over: nn.Sequential
    pooled: bool  # each feature is a bag of rows, which are added up


@runtime_checkable
class HasDotParts(Protocol):
    """A model that may be one whose features meet by their dot products."""

    def dot_parts(self) -> DotParts | None:
        """Return its parts; None: its features meet otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Linear layers, a ReLU behind each: weights (O, I) and biases (O,)."""

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DlrmParts:
    """All that an operator is made from. The head is fp32: one output a sample, and the sigmoid behind it."""

    tables_RD: Tensor
    first_row_F: Tensor
    rows_F: Tensor
    bottom: Stack
    over: Stack
    head_weight_I: Tensor
    head_bias: float
    pooled: bool = False

    @property
    def inputs(self) -> int:
        """The number of dense features."""
        return self.bottom.weights[0].shape[1]

    @property
    def features(self) -> int:
        """The width of the dense feature and the pairwise dots together."""
        tables = len(self.rows_F)
        return self.tables_RD.shape[1] + tables * (tables + 1) // 2


def take_apart(model: nn.Module) -> DlrmParts:
    """Return the parts of `model`.

    Raises:
        OperatorError: it is of another kind than the operators compute; says in what.
    """
    parts = dot_parts(model)
    dtype = parts.tables_RD.dtype
    *hidden, head = _linears(parts.over, nn.Sigmoid)
    require_one_output(head)
    return DlrmParts(
        tables_RD=parts.tables_RD.detach(),
        first_row_F=parts.first_row_F,
        rows_F=table_rows(parts),
        bottom=_stack(_linears(parts.bottom, nn.ReLU), dtype),
        over=_stack(hidden, dtype),
        head_weight_I=head.weight.detach().float().flatten(),
        head_bias=float(head.bias),
        pooled=parts.pooled,
    )


def dot_parts(model: nn.Module) -> DotParts:
    """Return what `model` says of itself.

    Raises:
        OperatorError: its features meet otherwise, or its tables are of a type that the operators do not have.
    """
    parts = model.dot_parts() if isinstance(model, HasDotParts) else None
    if parts is None:
        raise OperatorError("the operators compute pairwise dots of looked-up rows, the features of this model differ")
    dtype = parts.tables_RD.dtype
    if dtype not in (torch.float32, torch.bfloat16):
        raise OperatorError(f"the operators have tables of float32 and bfloat16, this model has {dtype}")
    return parts


def table_rows(parts: DotParts) -> Tensor:
    """Return the number of rows of each table, shape (F,)."""
    return torch.diff(parts.first_row_F, append=torch.tensor([len(parts.tables_RD)]))


def require_one_output(head: nn.Linear) -> None:
    """Refuse a last layer that is not that of a click probability.

    Raises:
        OperatorError: it has several outputs.
    """
    if head.out_features != 1:
        raise OperatorError(f"the operators end in one output, this model in {head.out_features}")


def kinds(layers: Iterable[nn.Module]) -> str:
    """Return the names of the kinds of `layers`, each once."""
    return ", ".join(dict.fromkeys(type(layer).__name__ for layer in layers))


def widen(weight_OI: Tensor, inputs: int) -> Tensor:
    """Return the weight for rows of `inputs` values, those that it does not know taken for nothing."""
    return functional.pad(weight_OI, (0, inputs - weight_OI.shape[1])).contiguous()


def _linears(sequence: nn.Sequential, last: type[nn.Module]) -> list[nn.Linear]:
    """Return the linear layers of a sequence that holds nothing else but ReLU, casts, and `last` at its end."""
    layers = [layer for layer in sequence if not isinstance(layer, ToFloat)]
    linears, activations = layers[::2], layers[1::2]
    expected = [nn.ReLU] * (len(linears) - 1) + [last]
    if [type(layer) for layer in activations] != expected or not all(type(layer) is nn.Linear for layer in linears):
        raise OperatorError(f"the operators know linear layers with ReLU, this model has {kinds(layers)}")
    return [layer for layer in linears if isinstance(layer, nn.Linear)]


def _stack(linears: Sequence[nn.Linear], dtype: torch.dtype) -> Stack:
    for linear in linears:
        if linear.weight.dtype != dtype:
            raise OperatorError(f"the operators have one type for tables and layers, here {dtype} and others meet")
    return Stack(
        weights=tuple(linear.weight.detach().contiguous() for linear in linears),
        biases=tuple(linear.bias.detach().contiguous() for linear in linears),
    )
