"""The weights that a training of our own changes: copies of both stacks, wide enough for whole blocks of oneDNN.

O outputs, I inputs of a layer; R rows, D values of the tables.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from pinbench.base.units import round_up
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.ops.parts import Stack, widen
from pinbench.worker.ops.training import LearnedParts
from pinbench.worker.training.dlrm._tables import named_tables

# oneDNN's products of bfloat16 are several times as fast with whole blocks of inputs: 480 instead of 479.
_INPUT_MULTIPLE = 16
_FEATURE_MULTIPLE = 32


def learned_parts(config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor]) -> LearnedParts:
    """Return what is learned; `tables_RD` itself, and copies of `stacks` with zeros behind inputs that are none."""
    features = round_up(config.over[0], _FEATURE_MULTIPLE)
    bottom = _stack(stacks, "bot_l", len(config.bottom) - 1, round_up(config.bottom[0], _INPUT_MULTIPLE))
    over = _stack(stacks, "top_l", len(config.over) - 1, features)
    rows_F = torch.tensor(config.table_rows)
    return LearnedParts(
        tables_RD=tables_RD,
        first_row_F=torch.tensor(config.first_rows),
        rows_F=rows_F,
        inputs=config.bottom[0],
        bottom=bottom,
        over=Stack(weights=over.weights[:-1], biases=over.biases[:-1]),
        head_weight_I=over.weights[-1][0],
        head_bias=over.biases[-1],
    )


def named_weights(config: DlrmConfig, tables_RD: Tensor, parts: LearnedParts) -> dict[str, Tensor]:
    """Return views by the reference's names; `tables_RD`: the tables in fp32."""
    return named_tables(config, tables_RD) | named_stacks(config, parts)


def named_stacks(config: DlrmConfig, parts: LearnedParts) -> dict[str, Tensor]:
    """Return views of both stacks by the reference's names."""
    over = Stack(
        weights=(*parts.over.weights, parts.head_weight_I[None]),
        biases=(*parts.over.biases, parts.head_bias),
    )
    return dict(_named("bot_l", config.bottom, parts.bottom)) | dict(_named("top_l", config.over, over))


def _stack(stacks: Mapping[str, Tensor], name: str, layers: int, first_inputs: int) -> Stack:
    weights = [stacks[f"{name}.{2 * layer}.weight"].detach().float() for layer in range(layers)]
    return Stack(
        weights=tuple(
            widen(weight_OI, first_inputs if layer == 0 else weight_OI.shape[1]).clone()
            for layer, weight_OI in enumerate(weights)
        ),
        biases=tuple(stacks[f"{name}.{2 * layer}.bias"].detach().float().clone() for layer in range(layers)),
    )


def _named(name: str, sizes: tuple[int, ...], stack: Stack) -> Iterator[tuple[str, Tensor]]:
    for layer, (weight_OI, bias_O) in enumerate(zip(stack.weights, stack.biases, strict=True)):
        yield f"{name}.{2 * layer}.weight", weight_OI[:, : sizes[layer]]
        yield f"{name}.{2 * layer}.bias", bias_O
