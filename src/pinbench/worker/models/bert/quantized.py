"""A layer in int8: codes of 8 bits into each of its four products, attention and norms in floating point.

N tokens of all sequences, H hidden width, G heads, D width of a head.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pinbench.worker.models.bert.attention import Attention
from pinbench.worker.models.bert.layer import Layer
from pinbench.worker.onednn.quantized_linear import Quantization, QuantizedLinear, encode, padded_inputs


class QuantizedLayer(nn.Module):
    """A `Layer` whose inner width stays in codes from one product to the next."""

    def __init__(self, layer: Layer, found: Mapping[nn.Linear, Quantization]) -> None:
        """Take the weights of `layer`; `found` tells how the input of each product becomes codes."""
        super().__init__()
        self.heads = layer.heads
        self.attention_norm, self.norm = layer.attention_norm, layer.norm
        self._qkv_codes, self._out_codes = found[layer.qkv], found[layer.out]
        self._inner_codes = found[layer.inner]
        # Attention in bfloat16 where the CPU has it: its errors are far below those of the codes.
        between = torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
        self.qkv = self._product(layer.qkv, found, None, "none", between)
        self.out = self._product(layer.out, found, None, "none", torch.float32)
        self.inner = self._product(layer.inner, found, found[layer.outer], "gelu", torch.float32)
        self.outer = self._product(layer.outer, found, None, "none", torch.float32)

    @staticmethod
    def _product(
        linear: nn.Linear,
        found: Mapping[nn.Linear, Quantization],
        target: Quantization | None,
        activation: str,
        dtype: torch.dtype,
    ) -> QuantizedLinear:
        inputs = padded_inputs(linear.in_features)
        return QuantizedLinear(linear, inputs, found[linear], target, activation, dtype, may_be_narrow=True)

    def forward(self, hidden_NH: Tensor, bounds: Sequence[int], attention: Attention) -> Tensor:
        """Return shape (N, H), fp32."""
        mixed_NH = encode(attention(self.asked(hidden_NH), bounds), self._out_codes)
        attended_NH = self.attention_norm(self.out(mixed_NH).add_(hidden_NH))
        inner_NI = self.inner(encode(attended_NH, self._inner_codes))
        outer_NH: Tensor = self.norm(self.outer(inner_NI).add_(attended_NH))
        return outer_NH

    def asked(self, hidden_NH: Tensor) -> Tensor:
        """Return query, key and value of all heads, shape (N, 3, G, D)."""
        qkv_N3GD: Tensor = self.qkv(encode(hidden_NH, self._qkv_codes)).view(len(hidden_NH), 3, self.heads, -1)
        return qkv_N3GD
