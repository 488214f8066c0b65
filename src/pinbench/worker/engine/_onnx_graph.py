"""An exported PyTorch program as an ONNX graph with fixed shapes: the few operators that the suite's models consist of.

Written by us rather than by ``torch.onnx.export``, which wants further packages and copies the tables into the file:
here they are inputs, named as the program names them, and an engine is given them as they lie.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node

from pinbench.base.errors import ModelError

_OPSET = 21  # the first one that ONNX Runtime 1.20 and OpenVINO 2024 read alike with bfloat16 throughout
_IR_VERSION = 10  # of opset 21 (onnx, docs/Versioning.md)
_DTYPES = {
    torch.float32: onnx.TensorProto.FLOAT,
    torch.bfloat16: onnx.TensorProto.BFLOAT16,
    torch.int64: onnx.TensorProto.INT64,
}


def to_onnx(program: ExportedProgram) -> onnx.ModelProto:
    """Return the graph of `program`, whose inputs are those of the program and whose weights are inside.

    Raises:
        ModelError: the program has an operator that is not translated.
    """
    graph = _Graph(program)
    for node in program.graph.nodes:
        graph.add(node)
    model: onnx.ModelProto = helper.make_model(
        helper.make_graph(graph.nodes, "model", graph.inputs, graph.outputs, initializer=graph.weights),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    return model


class _Graph:
    """The parts of an ONNX graph, collected node by node."""

    def __init__(self, program: ExportedProgram) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.weights: list[onnx.TensorProto] = []
        signature = program.graph_signature
        held = {**program.state_dict, **program.constants}
        names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        self._held = {node: held[name] for node, name in names.items()}

    def add(self, node: Node) -> None:
        """Add what stands for `node`."""
        if node.op == "output":
            self.outputs += [_described(result) for result in node.all_input_nodes]
        elif node.op != "placeholder":
            self._translate(node)
        elif node.name not in self._held:
            self.inputs.append(_described(node))
        elif node.users:
            self.weights.append(_tensor(node.name, self._held[node.name]))

    def emit(self, operator: str, node: Node, inputs: list[str], **attributes: Any) -> None:
        """Add `operator`, which computes what `node` stands for."""
        self.nodes.append(helper.make_node(operator, inputs, [node.name], **attributes))

    def constant(self, node: Node, values: list[int]) -> str:
        """Add a vector of whole numbers for `node`'s operator and return its name."""
        name = f"{node.name}_constant"
        self.weights.append(helper.make_tensor(name, onnx.TensorProto.INT64, [len(values)], values))
        return name

    def _translate(self, node: Node) -> None:
        name = str(node.target)
        if name in _CHECKS:
            return
        if name not in _OPERATORS:
            raise ModelError(f"operator {name} of the model has no translation to ONNX")
        _OPERATORS[name](self, node)


def _described(node: Any) -> onnx.ValueInfoProto:
    value = node.meta["val"]
    info: onnx.ValueInfoProto = helper.make_tensor_value_info(node.name, _DTYPES[value.dtype], list(value.shape))
    return info


def _tensor(name: str, value: Tensor) -> onnx.TensorProto:
    # By its bytes: numpy has no bfloat16.
    raw = value.detach().contiguous().view(-1).view(torch.uint8).numpy().astype(np.uint8).tobytes()
    tensor: onnx.TensorProto = helper.make_tensor(name, _DTYPES[value.dtype], list(value.shape), raw, raw=True)
    return tensor


def _elementwise(operator: str) -> Callable[[_Graph, Node], None]:
    def translate(graph: _Graph, node: Node) -> None:
        graph.emit(operator, node, [str(argument) for argument in node.args])

    return translate


def _linear(graph: _Graph, node: Node) -> None:
    graph.emit("Gemm", node, [str(argument) for argument in node.args], transB=1)


def _embedding(graph: _Graph, node: Node) -> None:
    graph.emit("Gather", node, [str(node.args[0]), str(node.args[1])], axis=0)


def _index_select(graph: _Graph, node: Node) -> None:
    source, axis, index = node.args
    graph.emit("Gather", node, [str(source), str(index)], axis=axis)


def _cat(graph: _Graph, node: Node) -> None:
    parts, *axis = node.args
    graph.emit("Concat", node, [str(part) for part in parts], axis=axis[0] if axis else 0)  # type: ignore[union-attr]


def _transpose(graph: _Graph, node: Node) -> None:
    source, *pair = node.args
    order = list(range(node.meta["val"].dim()))
    first, second = (int(axis) for axis in pair)  # type: ignore[arg-type]
    order[first], order[second] = order[second], order[first]
    graph.emit("Transpose", node, [str(source)], perm=order)


def _with_axis(operator: str) -> Callable[[_Graph, Node], None]:
    def translate(graph: _Graph, node: Node) -> None:
        source, axis = node.args
        graph.emit(operator, node, [str(source), graph.constant(node, [int(axis)])])  # type: ignore[arg-type]

    return translate


def _reshape(graph: _Graph, node: Node) -> None:
    shape = [int(size) for size in node.meta["val"].shape]
    graph.emit("Reshape", node, [str(node.args[0]), graph.constant(node, shape)])


def _cast(graph: _Graph, node: Node) -> None:
    graph.emit("Cast", node, [str(node.args[0])], to=_DTYPES[node.meta["val"].dtype])


_CHECKS = ("aten._assert_tensor_metadata.default",)
_OPERATORS: dict[str, Callable[[_Graph, Node], None]] = {
    "aten.linear.default": _linear,
    "aten.relu.default": _elementwise("Relu"),
    "aten.sigmoid.default": _elementwise("Sigmoid"),
    "aten.add.Tensor": _elementwise("Add"),
    "aten.bmm.default": _elementwise("MatMul"),
    "aten.embedding.default": _embedding,
    "aten.index_select.default": _index_select,
    "aten.cat.default": _cat,
    "aten.transpose.int": _transpose,
    "aten.unsqueeze.default": _with_axis("Unsqueeze"),
    "aten.squeeze.dim": _with_axis("Squeeze"),
    "aten.view.default": _reshape,
    "aten._to_copy.default": _cast,
}
