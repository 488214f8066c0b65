"""Products of codes added up in 16 bits: exact for weights that were made for it, at the very edge too."""

import pytest
import torch
from torch import nn

from pinbench.worker.engine._code_product import ISAS, CodeProduct
from pinbench.worker.onednn import quantized_linear
from pinbench.worker.onednn.quantized_linear import Quantization, QuantizedLinear, encode
from pinbench.worker.ops import isa as isas

pytestmark = pytest.mark.skipif(not set(ISAS) & set(isas.runnable()), reason="this CPU has no AVX2")

SOURCE, TARGET = Quantization(scale=0.02, zero=128), Quantization(scale=0.05, zero=3)


@pytest.fixture(autouse=True)
def _adds_in_16_bits(monkeypatch):
    monkeypatch.setattr(quantized_linear, "largest_weight", lambda: 63)


def narrow(inputs, outputs, weight_OI=None, target=None, activation="none"):
    linear = nn.Linear(inputs, outputs).requires_grad_(requires_grad=False)
    if weight_OI is not None:
        linear.weight.data = weight_OI
    made = QuantizedLinear(linear, -(-inputs // 16) * 16, SOURCE, target, activation, may_be_narrow=True)
    assert made.is_narrow
    return made


def expected(quantized, code_BI):
    """Return the output in float64, from the very codes."""
    inputs = quantized.code_OI.shape[1]
    sum_BO = (code_BI[:, :inputs].long() - quantized.source.zero) @ quantized.code_OI.long().T
    return sum_BO.double() * quantized.scale_O.double() * quantized.source.scale + quantized.bias_O.double()


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 16, 16), (7, 40, 24), (97, 256, 48), (3, 1024, 33)])
def test_sums_are_exact_for_random_weights_of_any_shape(operators, rows, inputs, outputs):
    torch.manual_seed(rows)
    quantized = narrow(inputs, outputs)
    code_BI = encode(2 * torch.randn(rows, inputs), SOURCE)
    found_BO, wanted_BO = CodeProduct(quantized, operators, "avx2")(code_BI), expected(quantized, code_BI)
    assert found_BO.shape == (rows, outputs)
    assert (found_BO - wanted_BO).abs().max() <= 1e-6 * wanted_BO.abs().max()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kept", [slice(None), slice(0, None, 8), slice(2, None, 4)])
def test_the_largest_codes_do_not_leave_16_bits(operators, sign, kept):
    weight_OI = torch.zeros(16, 64)
    weight_OI[:, kept] = 0.5 * sign
    quantized = narrow(64, 16, weight_OI)
    code_BI = torch.full((5, 64), 255, dtype=torch.uint8)
    found_BO = CodeProduct(quantized, operators, "avx2")(code_BI)
    assert torch.allclose(found_BO.double(), expected(quantized, code_BI), rtol=1e-6)


def test_weights_of_a_word_never_add_up_to_more_than_16_bits_hold():
    torch.manual_seed(0)
    code_OI = narrow(1024, 64, torch.randn(64, 1024) * torch.rand(64, 1024).pow(4)).code_OI.long()
    members = torch.tensor([0, 1, 4, 5, 8, 9, 12, 13])
    words = [code_OI[:, begin + part + members] for begin in range(0, 1024, 16) for part in (0, 2)]
    largest = max(max(word.clamp(min=0).sum(1).max(), -word.clamp(max=0).sum(1).min()).item() for word in words)
    assert 110 < largest <= 128
    assert 255 * 128 < 1 << 15


@pytest.mark.parametrize("activation", ["none", "relu", "gelu"])
def test_codes_and_activations_behind_a_product_are_as_onednns(operators, activation):
    torch.manual_seed(1)
    quantized = narrow(128, 64, target=TARGET, activation=activation)
    code_BI = encode(torch.randn(9, 128), SOURCE)
    found_BO, theirs_BO = CodeProduct(quantized, operators, "avx2")(code_BI), quantized(code_BI)
    assert found_BO.dtype == theirs_BO.dtype == torch.uint8
    assert (found_BO.int() - theirs_BO.int()).abs().max() <= 1  # a value half way between two codes


def test_other_weights_and_other_kernels_are_refused(operators):
    code_OI = torch.zeros(16, 16, dtype=torch.int8)
    with pytest.raises(RuntimeError, match="generic has no product of its own"):
        operators.classes.CodeMatrix("generic", code_OI, torch.ones(16), torch.ones(16), 0)
    with pytest.raises(RuntimeError, match="whole panels of whole blocks"):
        operators.classes.CodeMatrix("avx2", code_OI[:, :8], torch.ones(16), torch.ones(16), 0)
