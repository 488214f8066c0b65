"""What our operators compute of a quantised model: stacks of layers between which there are codes of 8 bits.

What they must find in its modules is said here, not whose they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from pinbench.base.errors import OperatorError
from pinbench.worker.ops.parts import DlrmParts, Stack, dot_parts, kinds, require_one_output, table_rows


class Coding(Protocol):
    """How values become codes: ``round(x / scale) + zero``, clamped to 0..255."""

    @property
    def scale(self) -> float:
        """The step from one code to the next."""

    @property
    def zero(self) -> int:
        """The code of 0.0."""


@runtime_checkable
class Encoder(Protocol):
    """A module that turns values into codes."""

    @property
    def quantization(self) -> Coding:
        """How it does."""


@runtime_checkable
class CodedLayer(Protocol):
    """A linear layer of codes: weights (O, I) of int8, a scale and a bias for each output, both fp32."""

    code_OI: Tensor
    scale_O: Tensor
    bias_O: Tensor
    activation: str

    @property
    def source(self) -> Coding:
        """How its input became codes."""

    @property
    def target(self) -> Coding | None:
        """How its output becomes codes; None: it is fp32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStack(Stack):
    """Linear layers of codes, a ReLU behind each; the last one's output is fp32.

    Weights are int8. `scales` (O,) are those of the weights, `sources` tell how the input of each layer became codes.
    """

    scales: tuple[Tensor, ...]
    sources: tuple[Coding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeParts(DlrmParts):
    """All that an operator of a quantised model is made from: both stacks begin by taking codes."""

    bottom: CodeStack
    over: CodeStack


def is_quantized(model: nn.Module) -> bool:
    """Return whether `model` is one for this file."""
    return any(isinstance(module, CodedLayer) for module in model.modules())


def take_apart_codes(model: nn.Module) -> CodeParts:
    """Return the parts of a quantised `model`.

    Raises:
        OperatorError: it is of another kind than the operators compute; says in what.
    """
    parts = dot_parts(model)
    if parts.pooled:
        raise OperatorError("the operators of codes look up one row of each table, this model adds up several")
    *hidden, head, last = parts.over
    if not (isinstance(head, nn.Linear) and isinstance(last, nn.Sigmoid) and head.weight.dtype == torch.float32):
        raise OperatorError(f"the operators end in one layer of float32, a sigmoid behind it, not {kinds(parts.over)}")
    require_one_output(head)
    return CodeParts(
        tables_RD=parts.tables_RD.detach(),
        first_row_F=parts.first_row_F,
        rows_F=table_rows(parts),
        bottom=_stack(list(parts.bottom)),
        over=_stack(hidden),
        head_weight_I=head.weight.detach().flatten(),
        head_bias=float(head.bias),
    )


def _stack(modules: Sequence[nn.Module]) -> CodeStack:
    encoder = modules[0] if modules else None
    found = [layer for layer in modules if isinstance(layer, CodedLayer)]
    if not isinstance(encoder, Encoder) or not found or len(found) != len(modules) - 1:
        raise OperatorError(
            f"the operators know quantised layers behind one that takes codes, this model has {kinds(modules)}"
        )
    sources = [layer.source for layer in found]
    if [encoder.quantization, *(layer.target for layer in found)] != [*sources, None]:
        raise OperatorError("the operators hand the codes of a layer on as they are, this model takes others between")
    if any(layer.activation != "relu" for layer in found):
        raise OperatorError("the operators have ReLU behind each quantised layer, this model has a layer without")
    return CodeStack(
        weights=tuple(layer.code_OI for layer in found),
        biases=tuple(layer.bias_O for layer in found),
        scales=tuple(layer.scale_O for layer in found),
        sources=tuple(sources),
    )
