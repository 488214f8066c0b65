"""BERT-Large as an ONNX graph, for the runtimes that read such: tokens of equal sequences, one plain node a line.

Attention is either the node that ONNX Runtime's own optimiser makes of a BERT, or plain products, which OpenVINO turns
into its own.

N tokens of all sequences, S of one, H hidden width.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from pinbench.worker.models.bert.config import BertConfig
from pinbench.worker.models.bert.origin import WeightOrigin

_OPSET = 20  # the first with Gelu
_IR_VERSION = 9  # that of this opset


class _Graph:
    """Nodes in order, each with one output that bears its name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def weight(self, value: Tensor | np.ndarray[Any, Any]) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        array = value.detach().numpy() if isinstance(value, Tensor) else value
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def shape(self, *sizes: int) -> str:
        return self.weight(np.array(sizes, dtype=np.int64))


def write_graph(
    config: BertConfig, origin: WeightOrigin, sizes: tuple[int, int], path: Path, *, is_fused: bool
) -> None:
    """Write the graph for `sizes` (sequences, tokens of each) to `path`; `is_fused`: attention is one node."""
    from onnx import TensorProto, helper, save_model

    graph = _Graph()
    hidden = _embedded(graph, config, origin, sizes)
    for layer in range(config.num_hidden_layers):
        hidden = _layer(graph, config, origin, f"bert.encoder.layer.{layer}", hidden, sizes, is_fused=is_fused)
    logits = _linear(graph, origin, "qa_outputs", hidden)
    count = sizes[0] * sizes[1]
    made = helper.make_graph(
        graph.nodes,
        "bert",
        [helper.make_tensor_value_info(name, TensorProto.INT64, [count]) for name in ("token", "segment")],
        [helper.make_tensor_value_info(logits, TensorProto.FLOAT, [count, 2])],
        graph.weights,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
    save_model(helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION), str(path))


def _embedded(graph: _Graph, config: BertConfig, origin: WeightOrigin, sizes: tuple[int, int]) -> str:
    prefix = "bert.embeddings"
    word = graph.node("Gather", graph.weight(origin.tensor(f"{prefix}.word_embeddings.weight")), "token")
    segment = graph.node("Gather", graph.weight(origin.tensor(f"{prefix}.token_type_embeddings.weight")), "segment")
    position_SH = origin.tensor(f"{prefix}.position_embeddings.weight")[: sizes[1]]
    position = graph.weight(position_SH.repeat(sizes[0], 1))
    summed = graph.node("Add", graph.node("Add", word, segment), position)
    return _norm(graph, config, origin, f"{prefix}.LayerNorm", summed)


def _layer(
    graph: _Graph, config: BertConfig, origin: WeightOrigin, prefix: str, hidden: str, sizes: tuple[int, int],
    *, is_fused: bool,
) -> str:  # fmt: skip
    parts = [_linear(graph, origin, f"{prefix}.attention.self.{name}", hidden) for name in ("query", "key", "value")]
    mixed = (_fused if is_fused else _plain)(graph, config, parts, sizes)
    out = _linear(graph, origin, f"{prefix}.attention.output.dense", mixed)
    attended = _norm(graph, config, origin, f"{prefix}.attention.output.LayerNorm", graph.node("Add", out, hidden))
    inner = graph.node("Gelu", _linear(graph, origin, f"{prefix}.intermediate.dense", attended))
    outer = _linear(graph, origin, f"{prefix}.output.dense", inner)
    return _norm(graph, config, origin, f"{prefix}.output.LayerNorm", graph.node("Add", outer, attended))


def _fused(graph: _Graph, config: BertConfig, parts: Sequence[str], sizes: tuple[int, int]) -> str:
    shape = graph.shape(*sizes, config.hidden_size)
    inputs = [graph.node("Reshape", part, shape) for part in parts]
    heads = config.num_attention_heads
    mixed = graph.node("MultiHeadAttention", *inputs, domain="com.microsoft", num_heads=heads)
    return graph.node("Reshape", mixed, graph.shape(sizes[0] * sizes[1], config.hidden_size))


def _plain(graph: _Graph, config: BertConfig, parts: Sequence[str], sizes: tuple[int, int]) -> str:
    shape = graph.shape(*sizes, config.num_attention_heads, config.head_width)
    split = [graph.node("Reshape", part, shape) for part in parts]
    query, value = (graph.node("Transpose", split[place], perm=[0, 2, 1, 3]) for place in (0, 2))
    key = graph.node("Transpose", split[1], perm=[0, 2, 3, 1])
    scaled = graph.node("Mul", query, graph.weight(np.array(config.head_width**-0.5, dtype=np.float32)))
    share = graph.node("Softmax", graph.node("MatMul", scaled, key), axis=-1)
    mixed = graph.node("Transpose", graph.node("MatMul", share, value), perm=[0, 2, 1, 3])
    return graph.node("Reshape", mixed, graph.shape(sizes[0] * sizes[1], config.hidden_size))


def _linear(graph: _Graph, origin: WeightOrigin, name: str, value: str) -> str:
    product = graph.node("MatMul", value, graph.weight(origin.tensor(f"{name}.weight").T))
    return graph.node("Add", product, graph.weight(origin.tensor(f"{name}.bias")))


def _norm(graph: _Graph, config: BertConfig, origin: WeightOrigin, name: str, value: str) -> str:
    weights = [graph.weight(origin.tensor(f"{name}.{kind}")) for kind in ("weight", "bias")]
    return graph.node("LayerNormalization", value, *weights, axis=-1, epsilon=config.layer_norm_eps)
