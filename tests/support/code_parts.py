"""Parts of quantised models for the operators, and their plain computation in whole numbers and float64."""

from dataclasses import replace

import torch
from dlrm_parts import plain_features, random_parts
from torch import Tensor, nn

from pinbench.worker.onednn.quantized_linear import Quantization, QuantizedLinear
from pinbench.worker.ops.code_parts import CodeParts, CodeStack

# Finer than what the values of order one to ten between the layers need, so that rounding is what decides.
_SCALE = 0.03


def random_code_parts(
    *,
    tables: int,
    width: int,
    bottom: tuple[int, ...] = (13, 24),
    over: tuple[int, ...] = (40, 24),
    dtype: torch.dtype = torch.bfloat16,
    largest: int = 63,
    zero: int = 0,
    seed: int = 0,
) -> CodeParts:
    """Return parts with weights up to `largest`; `zero`: the code of 0.0 in what enters each stack."""
    plain = random_parts(tables=tables, width=width, bottom=bottom, over=over, dtype=dtype, seed=seed)
    return CodeParts(
        tables_RD=plain.tables_RD,
        first_row_F=plain.first_row_F,
        rows_F=plain.rows_F,
        bottom=_coded(plain.bottom.weights, plain.bottom.biases, largest, zero),
        over=_coded(plain.over.weights, plain.over.biases, largest, zero),
        head_weight_I=plain.head_weight_I,
        head_bias=plain.head_bias,
    )


def _coded(weights: tuple[Tensor, ...], biases: tuple[Tensor, ...], largest: int, zero: int) -> CodeStack:
    scales = tuple(weight_OI.float().abs().amax(dim=1) / largest for weight_OI in weights)
    codes = [weight_OI.float() / scale_O[:, None] for weight_OI, scale_O in zip(weights, scales, strict=True)]
    return CodeStack(
        weights=tuple(code_OI.round().to(torch.int8) for code_OI in codes),
        biases=tuple(bias_O.float() for bias_O in biases),
        scales=scales,
        sources=tuple(_codes(layer, zero) for layer in range(len(weights))),
    )


def _codes(layer: int, zero: int) -> Quantization:
    return Quantization(scale=_SCALE * (1 + layer), zero=2 * layer or zero)


def showing(parts: CodeParts, output: int) -> CodeParts:
    """Return `parts` with a layer behind the over arch's last one and a head that together show one of its codes.

    What was fp32 there becomes codes, a layer of ones on the diagonal takes them back, and the head takes one of them:
    a hundredth of the code is the logit.
    """
    *_, last = parts.over.weights
    outputs = len(last)
    shown = replace(
        parts.over,
        weights=(*parts.over.weights, torch.eye(outputs, dtype=torch.int8)),
        biases=(*parts.over.biases, torch.zeros(outputs)),
        scales=(*parts.over.scales, torch.ones(outputs)),
        sources=(*parts.over.sources, Quantization(scale=1.0, zero=0)),
    )
    scaled = (*shown.sources[:-1], Quantization(scale=_SCALE, zero=0))
    head_O = torch.zeros(outputs)
    head_O[output] = 1 / (100 * _SCALE)
    return replace(parts, over=replace(shown, sources=scaled), head_weight_I=head_O, head_bias=0.0)


def shown_code(probability_B: Tensor) -> Tensor:
    """Return the codes that a model of `showing` gave, whole numbers."""
    code_B = probability_B.double().logit() * 100
    assert (code_B - code_B.round()).abs().max() < 0.02
    return code_B.round().long()


def encoded(value_BI: Tensor, codes: Quantization) -> Tensor:
    """Return codes as `Encode` of the precision takes them, without its padding."""
    return (value_BI.float() * (1 / codes.scale)).round().add(codes.zero).clamp(0, 255)


def plain_codes(parts: CodeParts, dense_BI: Tensor, id_BF: Tensor) -> Tensor:
    """Return what enters the over arch, in whole numbers as far as they go."""
    dense_BD = plain_stack(parts.bottom, encoded(dense_BI, parts.bottom.sources[0]))
    rounded_BD = dense_BD.float().to(parts.tables_RD.dtype)
    features_BW = plain_features(parts, rounded_BD, id_BF).to(parts.tables_RD.dtype)
    return encoded(features_BW, parts.over.sources[0])


def plain_logits_of_codes(parts: CodeParts, dense_BI: Tensor, id_BF: Tensor) -> Tensor:
    """Return the logits, layer by layer, sums in whole numbers."""
    hidden = plain_stack(parts.over, plain_codes(parts, dense_BI, id_BF))
    return hidden @ parts.head_weight_I.double() + parts.head_bias


def plain_stack(stack: CodeStack, code_BI: Tensor) -> Tensor:
    """Return the output of the last layer in float64."""
    x_BI = code_BI.long()
    for layer, weight_OI in enumerate(stack.weights):
        source = stack.sources[layer]
        sum_BO = (x_BI - source.zero) @ weight_OI.long().T
        value_BO = sum_BO.double() * source.scale * stack.scales[layer].double() + stack.biases[layer].double()
        value_BO = value_BO.relu()
        if layer + 1 < len(stack.weights):
            target = stack.sources[layer + 1]
            x_BI = (value_BO / target.scale + target.zero).round().clamp(0, 255).long()
    return value_BO


def eager_layers(stack: CodeStack) -> list[QuantizedLinear]:
    """Return the precision's own layers with the weights of `stack`; they find its scales anew, which are the same."""
    layers = []
    for layer, code_OI in enumerate(stack.weights):
        linear = nn.Linear(code_OI.shape[1], len(code_OI))
        linear.weight.data, linear.bias.data = code_OI * stack.scales[layer][:, None], stack.biases[layer]
        target = stack.sources[layer + 1] if layer + 1 < len(stack.weights) else None
        padded = -(-code_OI.shape[1] // 16) * 16 if layer == 0 else code_OI.shape[1]
        layers.append(QuantizedLinear(linear, padded, stack.sources[layer], target, "relu"))
    return layers
