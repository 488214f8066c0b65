"""The names and shapes of a BERT's weights as Hugging Face saves them: ``bert.encoder.layer.0.output.dense.weight``."""

from pinbench.worker.models.bert.config import BertConfig

HEAD = ("qa_outputs.weight", "qa_outputs.bias")  # which a model that was not trained on questions has not


def expected_shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of each weight of a model that answers questions."""
    hidden = config.hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (config.vocab_size, hidden),
        "bert.embeddings.position_embeddings.weight": (config.max_position_embeddings, hidden),
        "bert.embeddings.token_type_embeddings.weight": (config.type_vocab_size, hidden),
        **_pair("bert.embeddings.LayerNorm", hidden),
    }
    for layer in range(config.num_hidden_layers):
        shapes |= _layer_shapes(f"bert.encoder.layer.{layer}", config)
    return shapes | _pair("qa_outputs", 2, hidden)


def _layer_shapes(prefix: str, config: BertConfig) -> dict[str, tuple[int, ...]]:
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {}
    for name in ("query", "key", "value"):
        shapes |= _pair(f"{prefix}.attention.self.{name}", hidden, hidden)
    return {
        **shapes,
        **_pair(f"{prefix}.attention.output.dense", hidden, hidden),
        **_pair(f"{prefix}.attention.output.LayerNorm", hidden),
        **_pair(f"{prefix}.intermediate.dense", inner, hidden),
        **_pair(f"{prefix}.output.dense", hidden, inner),
        **_pair(f"{prefix}.output.LayerNorm", hidden),
    }


def _pair(prefix: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.weight": shape, f"{prefix}.bias": shape[:1]}


def house_name(name: str) -> str:
    """Return `name` as `expected_shapes` spells it.

    Encoders that were saved alone have no ``bert.`` in front; until 2019 the norms' weights were gamma and beta.
    """
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        if name.endswith(f"LayerNorm{old}"):
            name = name.removesuffix(old) + new
    return f"bert.{name}" if name.startswith(("embeddings.", "encoder.")) else name
