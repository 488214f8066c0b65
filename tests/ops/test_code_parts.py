"""What the operators take over from a quantised model, and what they leave to another engine."""

import pytest
import torch
from torch import nn

from pinbench.base.errors import OperatorError
from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.ops.code_parts import is_quantized, take_apart_codes
from pinbench.worker.precision import int8


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # where scales are kept


def plain(interaction: str = "dot", over: str = "6-2-1") -> Dlrm:
    config = make_config(embedding_dim=4, bottom="3-5-4", over=over, table_rows=(7, 1, 30), interaction=interaction)
    return Dlrm(config, torch.rand(38, 4).bfloat16(), torch.float32)


def model(interaction: str = "dot", over: str = "6-2-1") -> Dlrm:
    batch = torch.rand(64, 3), torch.zeros(64, 3, dtype=torch.int64)
    calibration = Calibration(feed=lambda fed: fed(*batch), model=f"{interaction} {over}", rows="64 rows")
    with torch.no_grad():
        return int8.apply(plain(interaction, over), calibration)


@pytest.mark.parametrize("built", [False, True])
def test_the_parts_of_a_model_are_its_own_codes(built):
    whole = model().for_inference(8) if built else model()
    parts = take_apart_codes(whole)
    assert is_quantized(whole)
    assert [(tuple(weight.shape), weight.dtype) for weight in parts.bottom.weights] == [
        ((5, 3), torch.int8), ((4, 5), torch.int8),
    ]  # fmt: skip
    assert [tuple(weight.shape) for weight in parts.over.weights] == [(6, 10), (2, 6)]
    assert parts.over.sources[0] == whole.over_arch.layers[0].quantization
    assert parts.over.sources[1] == whole.over_arch.layers[1].target
    assert torch.equal(parts.bottom.scales[1], whole.dense_arch.layers[2].scale_O)
    assert torch.equal(parts.head_weight_I, whole.over_arch.layers[-2].weight[0])
    assert (parts.inputs, parts.features) == (3, 10)


def test_a_model_in_fp32_is_none_of_these():
    assert not is_quantized(plain())


def without_encoder() -> nn.Module:
    changed = model()
    changed.over_arch.layers = changed.over_arch.layers[1:]
    return changed


def with_tanh() -> nn.Module:
    changed = model()
    changed.dense_arch.layers.append(nn.Tanh())
    return changed


def without_relu() -> nn.Module:
    changed = model()
    changed.over_arch.layers[1].activation = "none"
    return changed


def with_other_codes_between() -> nn.Module:
    changed = model()
    changed.over_arch.layers[2].source = changed.over_arch.layers[1].source
    return changed


def with_two_outputs() -> nn.Module:
    changed = model()
    changed.over_arch.layers[-2] = nn.Linear(2, 2)
    return changed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: model("cat"), "the features of this model differ"),
        (without_encoder, "behind one that takes codes, this model has QuantizedLinear"),
        (with_tanh, "this model has Encode, QuantizedLinear, Tanh"),
        (without_relu, "this model has a layer without"),
        (with_other_codes_between, "this model takes others between"),
        (with_two_outputs, "end in one output, this model in 2"),
        (lambda: model(over="1"), "this model has "),
    ],
)
def test_a_model_of_another_kind_is_refused_with_the_difference(make, message):
    with pytest.raises(OperatorError, match=message):
        take_apart_codes(make())
