"""Small BERTs for tests, and weights that let every part of them show."""

import numpy as np
import torch
from torch import Tensor

from pinbench.worker.models.bert.config import BertConfig
from pinbench.worker.models.bert.tensors import expected_shapes

SMALL = BertConfig(
    hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, vocab_size=50,
    max_position_embeddings=40,
)  # fmt: skip


class DrawnOrigin:
    """Weights of which none is 0 or 1, biases and norms included, so that a box that is left out changes the result."""

    def __init__(self, config: BertConfig, seed: int = 0) -> None:
        self.name = self.identity = f"drawn {seed}"
        draw = np.random.default_rng(seed)
        self._state = {
            name: torch.from_numpy(draw.normal(0.5 if ".LayerNorm.weight" in name else 0.0, 0.3, shape)).float()
            for name, shape in expected_shapes(config).items()
        }

    def tensor(self, name: str) -> Tensor:
        return self._state[name]

    def state(self) -> dict[str, Tensor]:
        return dict(self._state)


def sequences(config: BertConfig, lengths: tuple[int, ...], seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return token and segment ids, shape (B, S), and lengths, shape (B,); behind a length lie others."""
    draw = np.random.default_rng(seed)
    shape = (len(lengths), max(lengths))
    token_BS = torch.from_numpy(draw.integers(0, config.vocab_size, shape))
    segment_BS = torch.from_numpy(draw.integers(0, config.type_vocab_size, shape))
    return token_BS, segment_BS, torch.tensor(lengths)


def without_padding(token_BS: Tensor, segment_BS: Tensor, length_B: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the same sequences behind each other: token, segment and position ids, shape (N,), and their bounds."""
    lengths = length_B.tolist()
    rows = [slice(0, length) for length in lengths]
    token_N = torch.cat([token_S[row] for token_S, row in zip(token_BS, rows, strict=True)])
    segment_N = torch.cat([segment_S[row] for segment_S, row in zip(segment_BS, rows, strict=True)])
    position_N = torch.cat([torch.arange(length) for length in lengths])
    return token_N, segment_N, position_N, torch.tensor([0, *np.cumsum(lengths).tolist()])
