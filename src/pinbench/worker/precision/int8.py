"""Static int8: codes of 8 bits between the linear layers, weights of 8 bits with one scale for each output.

Tables and the pairwise dots are in bfloat16: rows are half as long as in fp32, and their error is far below that of the
codes. The last layer stays in fp32: its one output decides the probability and costs nothing.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from pinbench.worker.onednn.calibration import Calibration, quantizations
from pinbench.worker.onednn.quantized_linear import Encode, Quantization, QuantizedLinear, padded_inputs

TABLE_DTYPE = torch.bfloat16
ACTIVATION_DTYPE = torch.float32  # of what enters the model
IS_CALIBRATED = True
MULTIPLY_DTYPE = torch.int8

# Largest difference of a logit to fp32 eager. A code is off by half a step of 255: at each of the layers some 0.2 % of
# the range, which a trained model's logit of 10 shows as some tenths.
LOGIT_TOLERANCE = 0.5
# The same as a share of the standard deviation of the logits, for models with many.
SPREAD_TOLERANCE = 0.5


def apply(model: nn.Module, calibration: Calibration | None) -> nn.Module:
    """Return `model` computing with codes whose ranges `calibration` decides."""
    assert calibration is not None
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    found = quantizations(model, linears[:-1], calibration)
    if isinstance(model, Quantizable):
        return model.quantized(found)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Sequential):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, _quantized(module, found))
    return model


@runtime_checkable
class Quantizable(Protocol):
    """A model that knows itself what it is in codes; of others the layers of each sequence are quantised one by one."""

    def quantized(self, found: Mapping[nn.Linear, Quantization]) -> nn.Module:
        """Return it in codes; `found` tells how the input of each linear layer becomes codes."""


def _quantized(layers: nn.Sequential, found: dict[nn.Linear, Quantization]) -> nn.Sequential:
    quantized: list[nn.Module] = []
    linears = [layer for layer in layers if isinstance(layer, nn.Linear)]
    for layer, following in zip(layers, [*list(layers)[1:], None], strict=True):
        if isinstance(layer, nn.Linear) and layer in found:
            after = linears[linears.index(layer) + 1 :]
            target = found.get(after[0]) if after else None
            activation = "relu" if isinstance(following, nn.ReLU) else "none"
            inputs = layer.in_features
            if layer is linears[0]:
                quantized.append(Encode(found[layer]))
                inputs = padded_inputs(inputs)
            quantized.append(QuantizedLinear(layer, inputs, found[layer], target, activation))
        elif not (isinstance(layer, nn.ReLU) and quantized and isinstance(quantized[-1], QuantizedLinear)):
            quantized.append(layer)
    return nn.Sequential(*quantized)
