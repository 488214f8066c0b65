import torch
from torch import nn

from pinbench.worker.onednn.fpmath import full_fp32, multiply_in_bfloat16
from pinbench.worker.onednn.packed_linear import PackedLinear


def restored(test):
    def run():
        before = torch.backends.mkldnn.matmul.fp32_precision
        try:
            test()
        finally:
            torch.backends.mkldnn.matmul.fp32_precision = before

    run.__name__ = test.__name__
    return run


@restored
def test_the_switch_is_off_in_a_block_that_needs_fp32():
    multiply_in_bfloat16()
    with full_fp32():
        assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"


@restored
def test_onednn_is_told_that_it_may():
    layer, x_BI = PackedLinear(nn.Linear(64, 64), "none", 32), torch.rand(32, 64)
    exact_BO = layer(x_BI)
    multiply_in_bfloat16()
    allowed_BO = layer(x_BI)
    # Where the CPU multiplies bfloat16 the difference shows; elsewhere oneDNN stays with fp32, as it may.
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported() and torch.cpu._is_avx512_bf16_supported()
    error = (allowed_BO - exact_BO).abs().max().item()
    assert error < 0.02
    assert (error > 1e-5) == has_bfloat16
    with full_fp32():
        assert torch.equal(layer(x_BI), exact_BO)
