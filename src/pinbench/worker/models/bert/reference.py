"""The textbook computation in fp32, one sequence, one plain operation a line: what every fast path is checked against.

It shares no code with the model: neither its boxes nor its fused products nor its attention. Weights come from their
origin layer by layer, so that no second copy of the model is held.

S positions, H hidden width, D width of a head.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from pinbench.worker.models.bert.config import BertConfig
from pinbench.worker.models.bert.origin import WeightOrigin


def reference_logits(config: BertConfig, origin: WeightOrigin, token_S: Tensor, segment_S: Tensor) -> Tensor:
    """Return the logits of a sequence without padding, shape (S, 2)."""
    return _linear(origin, "qa_outputs", reference_hidden(config, origin, token_S, segment_S))


def reference_hidden(config: BertConfig, origin: WeightOrigin, token_S: Tensor, segment_S: Tensor) -> Tensor:
    """Return what the encoder gives for a sequence without padding, shape (S, H)."""
    word_SH = origin.tensor("bert.embeddings.word_embeddings.weight")[token_S]
    position_SH = origin.tensor("bert.embeddings.position_embeddings.weight")[: len(token_S)]
    segment_SH = origin.tensor("bert.embeddings.token_type_embeddings.weight")[segment_S]
    hidden_SH = _norm(config, origin, "bert.embeddings.LayerNorm", word_SH + position_SH + segment_SH)
    for layer in range(config.num_hidden_layers):
        prefix = f"bert.encoder.layer.{layer}"
        attended_SH = _attention(config, origin, f"{prefix}.attention", hidden_SH)
        inner_SI = _linear(origin, f"{prefix}.intermediate.dense", attended_SH)
        gelu_SI = inner_SI * (1 + torch.erf(inner_SI / math.sqrt(2))) / 2
        outer_SH = _linear(origin, f"{prefix}.output.dense", gelu_SI)
        hidden_SH = _norm(config, origin, f"{prefix}.output.LayerNorm", outer_SH + attended_SH)
    return hidden_SH


def _attention(config: BertConfig, origin: WeightOrigin, prefix: str, hidden_SH: Tensor) -> Tensor:
    query_SH, key_SH, value_SH = (
        _linear(origin, f"{prefix}.self.{name}", hidden_SH) for name in ("query", "key", "value")
    )
    width = config.head_width
    heads = []
    for begin in range(0, config.hidden_size, width):
        query_SD, key_SD, value_SD = (part[:, begin : begin + width] for part in (query_SH, key_SH, value_SH))
        score_SS = query_SD @ key_SD.T / math.sqrt(width)
        heads.append(torch.softmax(score_SS, dim=1) @ value_SD)
    mixed_SH = _linear(origin, f"{prefix}.output.dense", torch.cat(heads, dim=1))
    return _norm(config, origin, f"{prefix}.output.LayerNorm", mixed_SH + hidden_SH)


def _linear(origin: WeightOrigin, name: str, value: Tensor) -> Tensor:
    return functional.linear(value, origin.tensor(f"{name}.weight"), origin.tensor(f"{name}.bias"))


def _norm(config: BertConfig, origin: WeightOrigin, name: str, value_SH: Tensor) -> Tensor:
    centred_SH = value_SH - value_SH.mean(dim=1, keepdim=True)
    variance_S1 = centred_SH.square().mean(dim=1, keepdim=True)
    normed_SH = centred_SH / torch.sqrt(variance_S1 + config.layer_norm_eps)
    return normed_SH * origin.tensor(f"{name}.weight") + origin.tensor(f"{name}.bias")
