import numpy as np
import pytest
import torch
from torch import nn

from pinbench.worker.onednn.quantized_linear import (
    Encode,
    Quantization,
    QuantizedLinear,
    largest_weight,
    padded_inputs,
)


def integers(linear, code_BI, source, target, activation):
    """Return what the layer computes, in whole numbers as far as they go."""
    weight_OI = linear.weight.detach().numpy().astype(np.float64)
    scale_O = np.abs(weight_OI).max(axis=1).astype(np.float32) / np.float32(largest_weight())
    weight_OI = np.rint(weight_OI.astype(np.float32) / scale_O[:, None]).astype(np.int64)
    sum_BO = (code_BI.numpy().astype(np.int64) - source.zero) @ weight_OI.T
    value_BO = sum_BO * scale_O.astype(np.float64) * source.scale + linear.bias.detach().numpy()
    value_BO = np.maximum(value_BO, 0) if activation == "relu" else value_BO
    if target is None:
        return value_BO
    return np.clip(np.rint(value_BO / target.scale) + target.zero, 0, 255)


@pytest.mark.parametrize("activation", ["relu", "none"])
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 13, 7), (5, 479, 32), (130, 64, 33)])
@pytest.mark.parametrize("source", [Quantization(scale=0.02, zero=0), Quantization(scale=0.05, zero=117)])
@pytest.mark.parametrize("target", [None, Quantization(scale=0.04, zero=128)])
def test_a_layer_adds_up_whole_numbers(rows, inputs, outputs, source, target, activation):
    torch.manual_seed(rows)
    linear = nn.Linear(inputs, outputs)
    layer = QuantizedLinear(linear, padded_inputs(inputs), source, target, activation)
    code_BI = torch.randint(0, 256, (rows, inputs), dtype=torch.uint8)
    padded_BI = torch.full((rows, padded_inputs(inputs)), 99, dtype=torch.uint8)  # what stands there has no weight
    padded_BI[:, :inputs] = code_BI
    found_BO = layer(padded_BI).numpy().astype(np.float64)
    expected_BO = integers(linear, code_BI, source, target, activation)
    if target is None:
        np.testing.assert_allclose(found_BO, expected_BO, rtol=1e-5, atol=1e-4)
    else:
        assert np.abs(found_BO - expected_BO).max() <= 1  # a value half way between two codes
        assert (found_BO != expected_BO).mean() < 0.01


def test_the_largest_weight_does_not_overflow_with_the_largest_codes():
    linear = nn.Linear(64, 16)
    with torch.no_grad():
        linear.weight.fill_(2.0)
        linear.bias.zero_()
    layer = QuantizedLinear(linear, 64, Quantization(scale=1.0, zero=0), None, "none")
    sums_BO = layer(torch.full((1, 64), 255, dtype=torch.uint8))
    assert torch.allclose(sums_BO, torch.full((1, 16), 2.0 * 64 * 255), rtol=1e-5)


def test_a_row_of_zero_weights_gives_its_bias():
    linear = nn.Linear(16, 2)
    with torch.no_grad():
        linear.weight.zero_()
        linear.bias.copy_(torch.tensor([1.5, -2.0]))
    layer = QuantizedLinear(linear, 16, Quantization(scale=1.0, zero=3), None, "none")
    assert layer(torch.full((1, 16), 200, dtype=torch.uint8)).tolist() == [[1.5, -2.0]]


@pytest.mark.parametrize("zero", [0, 100])
def test_codes_are_rounded_and_clamped_and_padded(zero):
    encode = Encode(Quantization(scale=0.5, zero=zero))
    code_BI = encode(torch.tensor([[0.0, 0.6, 1.3, -0.5, 1000.0, -1000.0]]))
    expected = [np.clip(code + zero, 0, 255) for code in (0, 1, 3, -1, 2000, -2000)]
    assert code_BI[0, :6].tolist() == expected
    assert code_BI.shape == (1, 16)
    assert encode(torch.zeros(3, 6)).shape == (3, 16)
    assert encode(torch.zeros(2, 6)).shape == (2, 16)
