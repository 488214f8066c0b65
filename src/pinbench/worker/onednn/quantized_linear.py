"""Linear layers in int8: unsigned 8-bit codes times signed 8-bit weights, added up in 32 bits by oneDNN.

A value x has the code ``round(x / scale) + zero``, clamped to 0..255; weights have one scale for each output and no
zero (oneDNN's developer guide, "Quantization"). The operators are those that PyTorch's inductor backend emits for
quantised models (torch/_inductor/fx_passes/quantization.py).

B rows, I inputs, O outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from pinbench.base.units import round_up

LARGEST_CODE = 255
LARGEST_WEIGHT = 127
# Half of it, for CPUs that add two products in 16 bits before they widen: 2 * 255 * 63 still fits there.
_LARGEST_NARROW_WEIGHT = 63
# oneDNN's int8 products are 3 to 7 times as fast when the inner dimension is a multiple of this.
_INPUT_MULTIPLE = 16
# Such CPUs are faster where more products are added in 16 bits: those of two neighbours in each of four groups of four
# inputs, eight in all (ops/source/code_product.h). 255 times a sum of 128 fits, and rounding eight weights may add 4.
_NARROW_VIEW = (4, 2, 2)
_NARROW_SUM = 128 - 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """How the values of a tensor become codes."""

    scale: float
    zero: int  # the code of 0.0


class Encode(nn.Module):
    """Values into codes, with columns of zero weight behind them so that the product is fast."""

    def __init__(self, quantization: Quantization) -> None:
        super().__init__()
        self.quantization = quantization
        self._code_BI = torch.empty(0, 0, dtype=torch.uint8)

    def forward(self, value_BI: Tensor) -> Tensor:
        """Return codes, shape (B, I) padded to `padded_inputs`, in a buffer that the next call overwrites."""
        rows, inputs = value_BI.shape
        padded = padded_inputs(inputs)
        if len(self._code_BI) < rows or self._code_BI.shape[1] != padded:
            self._code_BI = torch.zeros(rows, padded, dtype=torch.uint8)
        code_BI = self._code_BI[:rows]
        scaled_BI = value_BI.float().mul(1 / self.quantization.scale).round_()
        code_BI[:, :inputs] = scaled_BI.add_(self.quantization.zero).clamp_(0, LARGEST_CODE)
        return code_BI


def encode(value_BI: Tensor, quantization: Quantization) -> Tensor:
    """Return the codes of `value_BI` as `Encode` does, but for halves, in memory of their own and in fewer passes."""
    half_up = torch.tensor(quantization.zero + 0.5)  # what follows cuts off
    code_BI = torch.add(half_up, value_BI, alpha=1 / quantization.scale).clamp_(0, LARGEST_CODE).to(torch.uint8)
    padding = padded_inputs(value_BI.shape[1]) - value_BI.shape[1]
    return functional.pad(code_BI, (0, padding)) if padding else code_BI


class QuantizedLinear(nn.Module):
    """``relu(x @ weight.T + bias)`` of codes, or with another activation or none; inference only."""

    def __init__(
        self,
        linear: nn.Linear,
        inputs: int,
        source: Quantization,
        target: Quantization | None,
        activation: str,
        dtype: torch.dtype = torch.float32,
        *,
        may_be_narrow: bool = False,
    ) -> None:
        """Pack the weights of `linear`.

        Args:
            linear: weights and bias, fp32.
            inputs: columns of the input, those behind the linear layer's own without weight (see `Encode`).
            source: of the input.
            target: of the output; None: the output is no codes, but of `dtype`.
            activation: "relu", "gelu" or "none".
            dtype: of an output that is no codes.
            may_be_narrow: on a CPU that adds up in 16 bits, let eight products fit there instead of two.
        """
        super().__init__()
        weight_OI = linear.weight.detach().float()
        limit = largest_weight()
        self.is_narrow = may_be_narrow and limit < LARGEST_WEIGHT
        limit = LARGEST_WEIGHT if self.is_narrow else limit
        smallest = torch.finfo(torch.float32).tiny
        self.scale_O = weight_OI.abs().amax(dim=1).clamp(min=smallest) / limit
        if self.is_narrow:
            self.scale_O = torch.maximum(self.scale_O, _largest_sums(weight_OI) / _NARROW_SUM)
        # Kept beside the packed ones, a quarter of what they were: operators of our own pack them in their own way.
        self.code_OI = (weight_OI / self.scale_O[:, None]).round().clamp(-limit, limit).to(torch.int8)
        padded_OI = functional.pad(self.code_OI, (0, inputs - weight_OI.shape[1]))
        self.weight_packed = torch.ops.onednn.qlinear_prepack(padded_OI, None)
        self.zero_O = torch.zeros(len(weight_OI), dtype=torch.int64)
        self.bias_O = None if linear.bias is None else linear.bias.detach().float().clone()
        self.activation = activation
        self.source, self.target = source, target
        self._target = (1.0, 0) if target is None else (target.scale, target.zero)
        self.dtype = dtype if target is None else torch.uint8
        self._algorithm = "none" if activation == "gelu" else ""  # "none": by the error function, not by tanh

    def forward(self, code_BI: Tensor) -> Tensor:
        """Return shape (B, O), codes or floating point."""
        output: Tensor = torch.ops.onednn.qlinear_pointwise(
            code_BI, self.source.scale, self.source.zero, self.weight_packed, self.scale_O, self.zero_O, self.bias_O,
            *self._target, self.dtype, self.activation, [], self._algorithm,
        )  # fmt: skip
        return output


def _largest_sums(weight_OI: Tensor) -> Tensor:
    """Return the largest sum, of either sign, of weights whose products are added up in one word, shape (O,)."""
    outputs, inputs = weight_OI.shape
    padded_OI = functional.pad(weight_OI, (0, padded_inputs(inputs) - inputs))
    words_OW8 = padded_OI.view(outputs, -1, *_NARROW_VIEW).transpose(2, 3).flatten(3)
    sums = (words_OW8.clamp(min=0).sum(dim=3), -words_OW8.clamp(max=0).sum(dim=3))
    return torch.maximum(*sums).flatten(1).amax(dim=1)


def padded_inputs(inputs: int) -> int:
    """Return `inputs` rounded up to what oneDNN multiplies fast."""
    return round_up(inputs, _INPUT_MULTIPLE)


@cache
def largest_weight() -> int:
    """Return the largest code of a weight for which this CPU's products are exact: it is tried.

    Without VNNI or AMX, x86 adds two neighbouring products in 16 bits, which saturate.
    """
    return LARGEST_WEIGHT if _adds_exactly(LARGEST_WEIGHT) else _LARGEST_NARROW_WEIGHT


def _adds_exactly(weight: int) -> bool:
    inputs = 2 * _INPUT_MULTIPLE
    product: Callable[..., Tensor] = torch.ops.onednn.qlinear_pointwise
    packed = torch.ops.onednn.qlinear_prepack(torch.full((inputs, inputs), weight, dtype=torch.int8), None)
    one_O, zero_O = torch.ones(inputs), torch.zeros(inputs, dtype=torch.int64)
    code_BI = torch.full((inputs, inputs), LARGEST_CODE, dtype=torch.uint8)
    sum_BO = product(code_BI, 1.0, 0, packed, one_O, zero_O, None, 1.0, 0, torch.float32, "none", [], "")
    return bool((sum_BO == inputs * weight * LARGEST_CODE).all())
