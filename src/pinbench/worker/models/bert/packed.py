"""The model for inference: products that oneDNN has packed, what follows them fused in, and no padding anywhere.

N tokens of all sequences, C bounds between them (one more than sequences), H hidden width, G heads, D width of a head.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional

from pinbench.worker.models.bert.attention import PATHS, Attention
from pinbench.worker.models.bert.layer import Layer
from pinbench.worker.models.bert.model import BertForQuestions
from pinbench.worker.models.bert.quantized import QuantizedLayer
from pinbench.worker.onednn.packed_linear import PackedLinear, PackedPair
from pinbench.worker.ops.paths import HasPaths


class PackedLayer(nn.Module):
    """A `Layer` with its four products packed; GELU and the sums before each norm are parts of them."""

    def __init__(self, layer: Layer, tokens: int, min_dim: int | None) -> None:
        super().__init__()
        self.heads = layer.heads
        self.attention_norm, self.norm = layer.attention_norm, layer.norm
        self.qkv, self.out, self.inner, self.outer = (
            packed(linear, tokens) if _is_large(linear, tokens, min_dim) else plain(linear)
            for linear, packed, plain in (
                (layer.qkv, _packed, _same),
                (layer.out, _packed_sum, _PlainSum),
                (layer.inner, _packed_gelu, _PlainGelu),
                (layer.outer, _packed_sum, _PlainSum),
            )
        )

    def forward(self, hidden_NH: Tensor, bounds: Sequence[int], attention: Attention) -> Tensor:
        """Return shape (N, H)."""
        attended_NH = self.attention_norm(self.out(attention(self.asked(hidden_NH), bounds), hidden_NH))
        outer_NH: Tensor = self.norm(self.outer(self.inner(attended_NH), attended_NH))
        return outer_NH

    def asked(self, hidden_NH: Tensor) -> Tensor:
        """Return query, key and value of all heads, shape (N, 3, G, D)."""
        qkv_N3GD: Tensor = self.qkv(hidden_NH).view(len(hidden_NH), 3, self.heads, -1)
        return qkv_N3GD


class _PlainSum(nn.Module):
    """What `_packed_sum` returns, left to PyTorch."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._linear = linear

    def forward(self, value_NI: Tensor, other_NH: Tensor) -> Tensor:
        """Return shape (N, H)."""
        summed_NH: Tensor = self._linear(value_NI) + other_NH
        return summed_NH


class _PlainGelu(nn.Module):
    """A product and GELU, left to PyTorch; no sequence, which an engine would pack."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._linear = linear

    def forward(self, value_NH: Tensor) -> Tensor:
        """Return shape (N, I)."""
        return functional.gelu(self._linear(value_NH))


def _packed(linear: nn.Linear, tokens: int) -> nn.Module:
    return PackedLinear(linear, "none", tokens)


def _packed_sum(linear: nn.Linear, tokens: int) -> nn.Module:
    return PackedPair(linear, "add", tokens)


def _packed_gelu(linear: nn.Linear, tokens: int) -> nn.Module:
    return PackedLinear(linear, "gelu", tokens)


def _same(linear: nn.Linear) -> nn.Module:
    return linear


def _is_large(linear: nn.Linear, tokens: int, min_dim: int | None) -> bool:
    """Whether a product is oneDNN's by PyTorch's rule for those that are not packed (LinearAlgebra.cpp)."""
    return min_dim is None or min(tokens, linear.in_features, linear.out_features) > min_dim


class PackedBert(HasPaths):
    """Logits of where an answer begins and ends, of tokens that lie behind each other, sequence after sequence."""

    def __init__(self, model: BertForQuestions, tokens: int, min_dim: int | None = None) -> None:
        """Take `model` apart: its products are given up for packed ones.

        Args:
            model: which is of no use afterwards.
            tokens: how many there are at a time.
            min_dim: a product goes to oneDNN only if tokens, inputs and outputs are more than this; None: each does.
        """
        super().__init__()
        self.embeddings = model.embeddings
        self.layers = nn.ModuleList()
        for position, layer in enumerate(model.layers):
            self.layers.append(PackedLayer(layer, tokens, min_dim) if isinstance(layer, Layer) else layer)
            model.layers[position] = nn.Identity()
        self.head = model.head
        self.path = next(iter(PATHS))

    @property
    def paths(self) -> tuple[str, ...]:
        """The ways to compute attention."""
        return tuple(PATHS)

    def forward(self, token_N: Tensor, segment_N: Tensor, position_N: Tensor, bound_C: Tensor) -> Tensor:
        """Return logits, shape (N, 2)."""
        bounds, attention = bound_C.tolist(), PATHS[self.path]
        hidden_NH: Tensor = self.embeddings(token_N, segment_N, position_N)
        for layer in self.layers:
            hidden_NH = layer(hidden_NH, bounds, attention)
        logit_N2: Tensor = self.head(hidden_NH)
        return logit_N2

    def trial(self, *inputs: Tensor) -> Callable[[], Tensor]:
        """Return a call of the first layer's attention alone.

        Beside a whole layer's products, twelve times as long, what the ways differ by would be lost in their noise.
        """
        first = self.layers[0]
        assert isinstance(first, PackedLayer | QuantizedLayer)
        *ids, bound_C = inputs
        qkv_N3GD, bounds = first.asked(self.embeddings(*ids)), bound_C.tolist()
        return lambda: PATHS[self.path](qkv_N3GD, bounds)
