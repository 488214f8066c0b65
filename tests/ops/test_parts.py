"""What the operators take over from a model, and what they leave to another engine."""

import pytest
import torch
from torch import nn

from pinbench.base.errors import OperatorError
from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.ops.parts import take_apart, widen
from pinbench.worker.precision import bfloat16


def model(interaction: str = "dot", dtype: torch.dtype = torch.float32) -> Dlrm:
    config = make_config(embedding_dim=4, bottom="3-5-4", over="6-2-1", table_rows=(7, 1, 30), interaction=interaction)
    return Dlrm(config, torch.rand(38, 4).to(dtype))


@pytest.mark.parametrize("built", [False, True])
def test_the_parts_of_a_model_are_its_own_weights(built):
    whole = model().for_inference(8) if built else model()
    parts = take_apart(whole)
    assert parts.first_row_F.tolist() == [0, 7, 8]
    assert parts.rows_F.tolist() == [7, 1, 30]
    assert [tuple(weight.shape) for weight in parts.bottom.weights] == [(5, 3), (4, 5)]
    assert [tuple(weight.shape) for weight in parts.over.weights] == [(6, 10), (2, 6)]
    assert parts.tables_RD.data_ptr() == whole.features.sparse_arch.tables_RD.data_ptr() if not built else True
    assert torch.equal(parts.head_weight_I, whole.over_arch.layers[-2].weight[0])
    assert parts.head_bias == whole.over_arch.layers[-2].bias.item()
    assert (parts.inputs, parts.features) == (3, 10)


def test_the_cast_before_the_last_layer_of_bfloat16_is_taken_over():
    parts = take_apart(bfloat16.apply(model(dtype=torch.bfloat16), None))
    assert parts.bottom.weights[0].dtype == parts.over.weights[0].dtype == torch.bfloat16
    assert parts.head_weight_I.dtype == torch.float32


def test_a_wider_weight_takes_the_new_inputs_for_nothing():
    weight_OI = torch.rand(3, 5)
    x_BI = torch.rand(2, 8)
    assert torch.allclose(x_BI @ widen(weight_OI, 8).T, x_BI[:, :5] @ weight_OI.T)


def with_tanh() -> nn.Module:
    changed = model()
    changed.over_arch.layers[1] = nn.Tanh()
    return changed


def with_two_types() -> nn.Module:
    changed = model()
    changed.dense_arch.bfloat16()
    return changed


def with_two_outputs() -> nn.Module:
    changed = model()
    changed.over_arch.layers[-2] = nn.Linear(2, 2)
    return changed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: model("cat"), "the features of this model differ"),
        (lambda: nn.Linear(3, 1), "the features of this model differ"),
        (lambda: model(dtype=torch.float16), "this model has torch.float16"),
        (with_tanh, "this model has Linear, Tanh, ReLU, Sigmoid"),
        (with_two_types, "here torch.float32 and others meet"),
        (with_two_outputs, "end in one output, this model in 2"),
    ],
)
def test_a_model_of_another_kind_is_refused_with_the_difference(make, message):
    with pytest.raises(OperatorError, match=message):
        take_apart(make())
