"""A linear layer that learns, with all of its three products by oneDNN.

Why not `functional.linear`: its fp32 products go to MKL, whose log no label of a case can be proven with. The operator
is the one that `packed_linear` calls, here with weights that change at every step, so they are not packed.

B rows, I inputs, O outputs.
"""

from typing import Any

import torch
from torch import Tensor


class _TrainedLinear(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x_BI: Tensor, weight_OI: Tensor, bias_O: Tensor) -> Tensor:
        context.save_for_backward(x_BI, weight_OI)
        return _product(x_BI, weight_OI, bias_O)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        gradient_BO = gradients[0].contiguous()
        x_BI, weight_OI = context.saved_tensors
        # The operator multiplies with the transpose of its second operand.
        x_gradient_BI = _product(gradient_BO, weight_OI.t().contiguous()) if context.needs_input_grad[0] else None
        weight_gradient_OI = _product(gradient_BO.t().contiguous(), x_BI.t().contiguous())
        return x_gradient_BI, weight_gradient_OI, gradient_BO.sum(dim=0, dtype=torch.float32).to(gradient_BO.dtype)


def trained_linear(x_BI: Tensor, weight_OI: Tensor, bias_O: Tensor) -> Tensor:
    """Return ``x @ weight.T + bias``, shape (B, O), whose gradient autograd knows; all of one dtype, on the CPU."""
    output_BO: Tensor = _TrainedLinear.apply(x_BI, weight_OI, bias_O)  # type: ignore[no-untyped-call]
    return output_BO


def multiplies_bfloat16() -> bool:
    """Return whether oneDNN has products of bfloat16 on this CPU; elsewhere it has some of them only."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _product(x_BI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None) -> Tensor:
    output_BO: Tensor = torch.ops.mkldnn._linear_pointwise(x_BI, weight_OI, bias_O, "none", [], "")
    return output_BO
