"""BERT with a head for questions, as plain boxes: what precisions change and what compilers read.

B sequences, S positions of the longest, H hidden width.
"""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn

from pinbench.worker.models.bert.config import BertConfig
from pinbench.worker.models.bert.layer import Layer
from pinbench.worker.models.bert.origin import WeightOrigin
from pinbench.worker.models.bert.quantized import QuantizedLayer
from pinbench.worker.onednn.quantized_linear import Quantization

_WORDS, _POSITIONS, _SEGMENTS, _NORM = (
    "word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm",
)  # fmt: skip


class Embeddings(nn.Module):
    """The sum of three rows for each token, normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, token_BS: Tensor, segment_BS: Tensor, position_BS: Tensor) -> Tensor:
        """Return shape (B, S, H), or (N, H) for ids of shape (N,)."""
        summed = self.word_embeddings(token_BS) + self.token_type_embeddings(segment_BS)
        normed: Tensor = self.norm(summed + self.position_embeddings(position_BS))
        return normed


class BertForQuestions(nn.Module):
    """Logits of where an answer begins and where it ends."""

    def __init__(self, config: BertConfig, origin: WeightOrigin) -> None:
        """Take the weights of `origin`, fp32."""
        super().__init__()
        self.config = config
        with torch.device("meta"):  # the weights come from elsewhere: nothing is drawn here
            self.embeddings = Embeddings(config)
            self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
            self.head = nn.Sequential(nn.Linear(config.hidden_size, 2))
        self._take(origin)

    def forward(self, token_BS: Tensor, segment_BS: Tensor, length_B: Tensor) -> Tensor:
        """Return logits, shape (B, S, 2); those of positions from `length_B` on mean nothing."""
        position_S = torch.arange(token_BS.shape[1])
        hidden_BSH = self.embeddings(token_BS, segment_BS, position_S)
        is_padding_BS = position_S[None] >= length_B[:, None]
        mask_BS = is_padding_BS.to(hidden_BSH.dtype) * torch.finfo(hidden_BSH.dtype).min
        for layer in self.layers:
            hidden_BSH = layer(hidden_BSH, mask_BS[:, None, None])
        logit_BS2: Tensor = self.head(hidden_BSH)
        return logit_BS2

    def quantized(self, found: Mapping[nn.Linear, Quantization]) -> Self:
        """Return this model with layers in int8, which take no padding; `found` is of the inputs of their products."""
        for position, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            self.layers[position] = QuantizedLayer(layer, found)
        return self

    def _take(self, origin: WeightOrigin) -> None:
        state = {"head.0.weight": origin.tensor("qa_outputs.weight"), "head.0.bias": origin.tensor("qa_outputs.bias")}
        for kind in ("weight", "bias"):
            state[f"embeddings.norm.{kind}"] = origin.tensor(f"bert.embeddings.{_NORM}.{kind}")
        for table in (_WORDS, _POSITIONS, _SEGMENTS):
            state[f"embeddings.{table}.weight"] = origin.tensor(f"bert.embeddings.{table}.weight")
        for layer in range(self.config.num_hidden_layers):
            for name, weight in layer_state(origin, layer).items():
                state[f"layers.{layer}.{name}"] = weight
        self.load_state_dict(state, assign=True)
        self.requires_grad_(requires_grad=False)


def layer_state(origin: WeightOrigin, layer: int) -> dict[str, Tensor]:
    """Return the weights of a `Layer` by its own names."""
    prefix = f"bert.encoder.layer.{layer}"
    boxes = {
        "out": "attention.output.dense",
        "attention_norm": f"attention.output.{_NORM}",
        "inner": "intermediate.dense",
        "outer": "output.dense",
        "norm": f"output.{_NORM}",
    }
    state = {}
    for kind in ("weight", "bias"):
        parts = (f"{prefix}.attention.self.{name}.{kind}" for name in ("query", "key", "value"))
        state[f"qkv.{kind}"] = torch.cat([origin.tensor(name) for name in parts])
        for box, name in boxes.items():
            state[f"{box}.{kind}"] = origin.tensor(f"{prefix}.{name}.{kind}")
    return state
