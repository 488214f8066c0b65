"""The operators of a quantised model as PyTorch sees them, made from its parts."""

from typing import Any

import torch
from torch import Tensor

from pinbench.base.units import round_up
from pinbench.worker.ops.code_parts import CodeParts, CodeStack
from pinbench.worker.ops.operators import Operator, Operators, chunk_rows
from pinbench.worker.ops.parts import widen

# oneDNN's products of codes are several times as fast with whole blocks of inputs; one of AMX is of 64 bytes.
_INPUT_MULTIPLE = 16
_FEATURE_MULTIPLE = 64


def make_code_layers(operators: Operators, parts: CodeParts, isa: str, batch_size: int) -> Operator:
    """Return the model as oneDNN's packed layers around the lookup, for any number of samples."""
    inputs = round_up(parts.inputs, _INPUT_MULTIPLE)
    features = round_up(parts.features, _FEATURE_MULTIPLE)
    forward: Operator = operators.classes.DlrmCodeLayers(
        isa, parts.tables_RD, parts.first_row_F, parts.rows_F, parts.inputs, inputs, features,
        _stack(operators, parts.bottom, _packed(parts.bottom.weights, inputs)),
        _stack(operators, parts.over, _packed(parts.over.weights, features)),
        parts.head_weight_I, parts.head_bias, chunk_rows(batch_size),
    ).forward  # fmt: skip
    return forward


def make_code_chain(
    operators: Operators, parts: CodeParts, isa: str, batch_size: int, packed: Tensor | None = None
) -> Operator:
    """Return the model as one chain of products in one parallel region, for up to `batch_size` samples.

    `packed`: its weights as `packed_code_weights` gives them; they stay where they lie.
    """
    forward: Operator = _chain(operators, parts, isa, batch_size, packed).forward
    return forward


def packed_code_weights(operators: Operators, parts: CodeParts, isa: str) -> Tensor:
    """Return the weights as each chain for `isa` reads them, as bytes."""
    packed: Tensor = _chain(operators, parts, isa, 1).packed()
    return packed


def make_code_chain_profile(operators: Operators, parts: CodeParts, isa: str, batch_size: int) -> Operator:
    """Return what makes a call of the chain and tells its seconds: entrance, bottom's layers, dots, over's, head."""
    profile: Operator = _chain(operators, parts, isa, batch_size).profile
    return profile


def make_lookup_codes(operators: Operators, parts: CodeParts, isa: str, width: int) -> Operator:
    """Return the lookup and the dots alone, rows of `width` codes with zeros at their end."""
    source = parts.over.sources[0]
    forward: Operator = operators.classes.LookupCodes(
        isa, parts.tables_RD, parts.first_row_F, parts.rows_F, width, source.scale, source.zero
    ).forward
    return forward


def _chain(operators: Operators, parts: CodeParts, isa: str, batch_size: int, packed: Tensor | None = None) -> Any:
    return operators.classes.DlrmCodeChain(
        isa, parts.tables_RD, parts.first_row_F, parts.rows_F,
        _stack(operators, parts.bottom, parts.bottom.weights), _stack(operators, parts.over, parts.over.weights),
        parts.head_weight_I, parts.head_bias, batch_size, packed,
    )  # fmt: skip


def _stack(operators: Operators, stack: CodeStack, weights: tuple[Tensor, ...]) -> Any:
    return operators.classes.CodeStack(
        list(weights), list(stack.scales), list(stack.biases),
        [source.scale for source in stack.sources], [source.zero for source in stack.sources],
    )  # fmt: skip


def _packed(weights: tuple[Tensor, ...], first_inputs: int) -> tuple[Tensor, ...]:
    wide = (widen(weights[0], first_inputs), *weights[1:])
    return tuple(torch.ops.onednn.qlinear_prepack(weight_OI, None) for weight_OI in wide)
