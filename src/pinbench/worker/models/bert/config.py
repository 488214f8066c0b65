"""The sizes of a BERT, in the words of the ``config.json`` that Hugging Face keeps beside its weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pinbench.base.errors import ModelError

CONFIG_FILE = "config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BertConfig:
    """All sizes; the names are those of ``config.json``."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12

    @property
    def head_width(self) -> int:
        """The width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def table_rows(self) -> int:
        """Rows of the three embedding tables: words, positions, segments."""
        return self.vocab_size + self.max_position_embeddings + self.type_vocab_size

    @property
    def linear_parameters(self) -> int:
        """Weights and biases of the linear layers, the two outputs of the head among them."""
        hidden, inner = self.hidden_size, self.intermediate_size
        layer = 4 * (hidden + 1) * hidden + (hidden + 1) * inner + (inner + 1) * hidden
        return self.num_hidden_layers * layer + 2 * (hidden + 1)

    @property
    def parameters(self) -> int:
        """All weights; there is no pooler in a model that answers questions."""
        norms = 2 * self.hidden_size * (1 + 2 * self.num_hidden_layers)
        return self.linear_parameters + self.table_rows * self.hidden_size + norms

    def flops(self, lengths: Sequence[int]) -> int:
        """Return the multiplications and additions of linear layers and attention for sequences of these lengths."""
        hidden, inner, layers = self.hidden_size, self.intermediate_size, self.num_hidden_layers
        per_token = layers * (4 * hidden * hidden + 2 * hidden * inner) + 2 * hidden
        per_pair = layers * 2 * hidden  # each token scores each other one, and sums up their values
        return 2 * sum(length * (per_token + length * per_pair) for length in lengths)


# google-bert/bert-large-uncased, config.json
BERT_LARGE = BertConfig(
    hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, vocab_size=30_522
)


def read_config(folder: Path) -> BertConfig:
    """Return the sizes that ``config.json`` in `folder` tells.

    Raises:
        ModelError: it is not there, damaged, of another kind of model, or its sizes contradict each other.
    """
    path = folder / CONFIG_FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise ModelError(
            f"MODEL_DIR={folder}: cannot read {CONFIG_FILE}: {reason}; name a folder with {CONFIG_FILE}, vocab.txt and "
            "model.safetensors or pytorch_model.bin"
        ) from error
    if not isinstance(told, dict):
        raise ModelError(f"{path} holds no object; it is not the file of a model")
    _require_bert(path, told)
    sizes: dict[str, Any] = {field.name: told[field.name] for field in fields(BertConfig) if field.name in told}
    _require_numbers(path, sizes)
    config = BertConfig(**sizes)
    if config.hidden_size % config.num_attention_heads:
        raise ModelError(
            f"{path}: hidden_size {config.hidden_size} is no multiple of num_attention_heads "
            f"{config.num_attention_heads}"
        )
    return config


# What changes the computation, and what this one does.
_FIXED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}


def _require_bert(path: Path, told: Mapping[str, Any]) -> None:
    for key, value in _FIXED.items():
        if told.get(key, value) != value:
            raise ModelError(f"{path} says {key}={told[key]!r}, and this model computes {value!r} only")


def _require_numbers(path: Path, sizes: Mapping[str, Any]) -> None:
    for field in fields(BertConfig):
        value = sizes.get(field.name)
        if field.name not in sizes and field.default is field.default_factory:  # neither has a value: it is required
            raise ModelError(f"{path} has no {field.name}, which a BERT needs")
        wanted = (int, float) if field.name == "layer_norm_eps" else int
        if field.name in sizes and (isinstance(value, bool) or not isinstance(value, wanted) or not value > 0):
            raise ModelError(f"{path}: {field.name} must be a positive number, got {value!r}")
