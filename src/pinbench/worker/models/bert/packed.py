"""The model for inference: products that oneDNN has packed, what follows them fused in, and no padding anywhere.

N tokens of all sequences, C bounds between them (one more than sequences), H hidden width, G heads, D width of a head.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from pinbench.worker.models.bert.attention import PATHS, Attention
from pinbench.worker.models.bert.layer import Layer
from pinbench.worker.models.bert.model import BertForQuestions
from pinbench.worker.onednn.packed_linear import PackedLinear, PackedSum


class PackedLayer(nn.Module):
    """A `Layer` with its four products packed; GELU and the sums before each norm are parts of them."""

    def __init__(self, layer: Layer, tokens: int) -> None:
        super().__init__()
        self.heads = layer.heads
        self.qkv = PackedLinear(layer.qkv, "none", tokens)
        self.out = PackedSum(layer.out, tokens)
        self.attention_norm = layer.attention_norm
        self.inner = PackedLinear(layer.inner, "gelu", tokens)
        self.outer = PackedSum(layer.outer, tokens)
        self.norm = layer.norm

    def forward(self, hidden_NH: Tensor, bounds: Sequence[int], attention: Attention) -> Tensor:
        """Return shape (N, H)."""
        qkv_N3GD = self.qkv(hidden_NH).view(len(hidden_NH), 3, self.heads, -1)
        attended_NH = self.attention_norm(self.out(attention(qkv_N3GD, bounds), hidden_NH))
        outer_NH: Tensor = self.norm(self.outer(self.inner(attended_NH), attended_NH))
        return outer_NH


class PackedBert(nn.Module):
    """Logits of where an answer begins and ends, of tokens that lie behind each other, sequence after sequence."""

    def __init__(self, model: BertForQuestions, tokens: int) -> None:
        """Take `model` apart: its products are given up for packed ones, made for some `tokens` at a time."""
        super().__init__()
        self.embeddings = model.embeddings
        self.layers = nn.ModuleList()
        for position, layer in enumerate(model.layers):
            self.layers.append(PackedLayer(layer, tokens) if isinstance(layer, Layer) else layer)
            model.layers[position] = nn.Identity()
        self.head = model.head
        self.path = next(iter(PATHS))

    @property
    def paths(self) -> tuple[str, ...]:
        """The ways to compute the same that there are; `path` is the one that is taken."""
        return tuple(PATHS)

    def forward(self, token_N: Tensor, segment_N: Tensor, position_N: Tensor, bound_C: Tensor) -> Tensor:
        """Return logits, shape (N, 2)."""
        bounds, attention = bound_C.tolist(), PATHS[self.path]
        hidden_NH = self.embeddings(token_N, segment_N, position_N)
        for layer in self.layers:
            hidden_NH = layer(hidden_NH, bounds, attention)
        logit_N2: Tensor = self.head(hidden_NH)
        return logit_N2
