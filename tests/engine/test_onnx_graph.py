import pytest
import torch
from engine_models import small_batch, small_config, small_model

from pinbench.base.errors import ModelError
from pinbench.worker.engine._exported import export

onnx = pytest.importorskip("onnx", reason="no onnx here; script/env/python onnxruntime installs it")
from pinbench.worker.engine._onnx_graph import to_onnx  # noqa: E402 - it imports onnx

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def test_the_graph_is_valid_and_takes_the_tables_and_the_batch():
    model, _ = small_model(small_config())
    program, lent = export(model, small_batch(small_config(), 9))
    graph = to_onnx(program)
    onnx.checker.check_model(graph, full_check=True)
    shapes = [
        [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*graph.graph.input, *graph.graph.output)
    ]
    assert shapes == [[250, 16], [9, 13], [9, 5], [9]]
    assert [tuple(table.shape) for table in lent] == [(250, 16)]
    assert [node.op_type for node in graph.graph.node].count("Gather") == 2  # the tables, and the pairs


def test_bfloat16_weights_keep_their_bits():
    model, _ = small_model(small_config(), torch.bfloat16)
    graph = to_onnx(export(model.bfloat16(), small_batch(small_config(), 9))[0]).graph
    (weight,) = (tensor for tensor in graph.initializer if tensor.name.endswith("over_arch_layers_4_weight"))
    assert weight.data_type == onnx.TensorProto.BFLOAT16
    bits = torch.frombuffer(bytearray(weight.raw_data), dtype=torch.bfloat16)
    assert torch.equal(bits, model.over_arch.layers[4].weight.detach().view(-1))


def test_an_operator_without_a_translation_is_named():
    program, _ = export(torch.nn.Softplus(), (torch.rand(3),))
    with pytest.raises(ModelError, match=r"operator aten\.softplus\.default of the model has no translation to ONNX"):
        to_onnx(program)
