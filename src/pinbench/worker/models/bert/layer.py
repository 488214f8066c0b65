"""One layer of the encoder: self-attention, feed-forward, and a norm behind each.

B sequences, S positions of the longest, H hidden width, G heads, D width of a head.
"""

from torch import Tensor, nn
from torch.nn import functional

from pinbench.worker.models.bert.config import BertConfig


class Layer(nn.Module):
    """Self-attention and feed-forward; query, key and value are one product."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        hidden, inner = config.hidden_size, config.intermediate_size
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.attention_norm = nn.LayerNorm(hidden, eps=config.layer_norm_eps)
        self.inner = nn.Linear(hidden, inner)
        self.outer = nn.Linear(inner, hidden)
        self.norm = nn.LayerNorm(hidden, eps=config.layer_norm_eps)

    def forward(self, hidden_BSH: Tensor, mask_B11S: Tensor) -> Tensor:
        """Return shape (B, S, H); `mask_B11S` is added to the scores of each position."""
        batch, positions, width = hidden_BSH.shape
        split = self.qkv(hidden_BSH).view(batch, positions, 3, self.heads, width // self.heads)
        query_BGSD, key_BGSD, value_BGSD = split.permute(2, 0, 3, 1, 4).unbind(0)
        mixed_BGSD = functional.scaled_dot_product_attention(query_BGSD, key_BGSD, value_BGSD, attn_mask=mask_B11S)
        mixed_BSH = mixed_BGSD.transpose(1, 2).reshape(batch, positions, width)
        hidden_BSH = self.attention_norm(self.out(mixed_BSH) + hidden_BSH)
        outer_BSH: Tensor = self.norm(self.outer(functional.gelu(self.inner(hidden_BSH))) + hidden_BSH)
        return outer_BSH
