"""Products of codes by our own kernel, on CPUs where it beats oneDNN's: those with AVX2 and nothing newer for int8.

B rows, I inputs, O outputs.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pinbench.base.units import round_up
from pinbench.worker.onednn.quantized_linear import QuantizedLinear, encode
from pinbench.worker.ops.operators import Operators

ISAS = ("avx2",)  # whose kernels have a product
_MULTIPLE = 16  # of inputs and outputs: a block and a panel of code_product.h


def _same(value_BO: Tensor) -> Tensor:
    return value_BO


_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "none": _same,
    "gelu": functional.gelu,
    "relu": torch.relu_,
}


class CodeProduct(nn.Module):
    """What a `QuantizedLinear` computes, whose weights are narrow."""

    def __init__(self, linear: QuantizedLinear, operators: Operators, isa: str) -> None:
        super().__init__()
        self._outputs, inputs = linear.code_OI.shape
        lacking = round_up(self._outputs, _MULTIPLE) - self._outputs
        code_OI = functional.pad(linear.code_OI, (0, round_up(inputs, _MULTIPLE) - inputs, 0, lacking))
        scale_O = functional.pad(linear.scale_O * linear.source.scale, (0, lacking))
        bias_O = functional.pad(linear.bias_O, (0, lacking))
        matrix: Any = operators.classes.CodeMatrix(isa, code_OI, scale_O, bias_O, linear.source.zero)
        self._multiply = matrix.forward
        self._activation = _ACTIVATIONS[linear.activation]
        self._target, self._dtype = linear.target, linear.dtype

    def forward(self, code_BI: Tensor) -> Tensor:
        """Return shape (B, O), codes or floating point."""
        value_BO = self._activation(self._multiply(code_BI)[:, : self._outputs])
        return value_BO.to(self._dtype) if self._target is None else encode(value_BO, self._target)


def replace_products(model: nn.Module, operators: Operators, isa: str) -> int:
    """Put our own products where `model` has narrow ones and return how many there are; oneDNN's are given up."""
    count = 0
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, QuantizedLinear) and child.is_narrow:
                setattr(module, name, CodeProduct(child, operators, isa))
                count += 1
    return count
