"""Linear layers with weights that oneDNN has packed once, and the activation fused into the product.

Why not `nn.Linear`: its fp32 product goes to MKL, which reorders the weight at every call and, on AMD CPUs,
leaves AVX-512 unused. The operators below are those that PyTorch's own inductor backend emits after freezing
(torch/_inductor/mkldnn_ir.py).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_ACTIVATIONS: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid"}
_ALGORITHMS = {"gelu": "none"}  # GELU by the error function; its other form is by tanh


class PackedLinear(nn.Module):
    """``activation(x @ weight.T + bias)`` by one oneDNN primitive; inference only."""

    def __init__(self, linear: nn.Linear, activation: str, batch_size: int) -> None:
        super().__init__()
        weight_OI = linear.weight.detach().contiguous()
        self.weight_packed = torch.ops.mkldnn._reorder_linear_weight(weight_OI, batch_size)
        self.bias_O = None if linear.bias is None else linear.bias.detach().clone()
        self.activation = activation
        self._algorithm = _ALGORITHMS.get(activation, "")

    def forward(self, x_BI: Tensor) -> Tensor:
        """Return shape (B, O), in the dtype of the weights."""
        output: Tensor = torch.ops.mkldnn._linear_pointwise(
            x_BI, self.weight_packed, self.bias_O, self.activation, [], self._algorithm
        )
        return output


class PackedPair(nn.Module):
    """A product and another tensor, put together by one oneDNN primitive; inference only.

    `operation`: "add" for ``x @ weight.T + bias + other``, "mul" for ``(x @ weight.T + bias) * other``.
    """

    def __init__(self, linear: nn.Linear, operation: str, batch_size: int) -> None:
        super().__init__()
        self._linear = PackedLinear(linear, "none", batch_size)
        self._operation = operation

    def forward(self, x_BI: Tensor, other_BO: Tensor) -> Tensor:
        """Return shape (B, O), in the dtype of the weights and in memory of its own."""
        packed = self._linear
        output: Tensor = torch.ops.mkldnn._linear_pointwise.binary(
            x_BI, other_BO, packed.weight_packed, packed.bias_O, self._operation
        )
        return output


def pack_linears(module: nn.Module, batch_size: int, min_dim: int | None = None) -> nn.Module:
    """Return `module` with each linear layer of its sequences packed and the activation behind it fused.

    With `min_dim`, a layer stays as it is unless its batch, inputs and outputs are all more than that, as PyTorch's own
    rule for products that are not packed has it (aten/src/ATen/native/LinearAlgebra.cpp, apply_mkldnn_matmul_heur).
    `module` itself is changed: its own weights are dropped, so that they are not held twice.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Sequential):
            setattr(module, name, _pack_sequence(child, batch_size, min_dim))
        else:
            pack_linears(child, batch_size, min_dim)
    return module


def _pack_sequence(sequence: nn.Sequential, batch_size: int, min_dim: int | None) -> nn.Sequential:
    packed: list[nn.Module] = []
    layers = list(sequence)
    for position, layer in enumerate(layers):
        previous = layers[position - 1] if position else None
        following = layers[position + 1] if position + 1 < len(layers) else None
        if isinstance(layer, nn.Linear) and _is_large(layer, batch_size, min_dim):
            fused = "none" if following is None else _ACTIVATIONS.get(type(following), "none")
            packed.append(PackedLinear(layer, fused, batch_size))
        elif not (type(layer) in _ACTIVATIONS and isinstance(previous, nn.Linear) and _is_packed(packed)):
            packed.append(pack_linears(layer, batch_size, min_dim))
    return nn.Sequential(*packed)


def _is_packed(layers: Sequence[nn.Module]) -> bool:
    return bool(layers) and isinstance(layers[-1], PackedLinear)


def _is_large(layer: nn.Linear, batch_size: int, min_dim: int | None) -> bool:
    return min_dim is None or min(batch_size, layer.in_features, layer.out_features) > min_dim
