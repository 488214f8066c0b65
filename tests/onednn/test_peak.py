"""The rate that utilisation is measured against: one of products that this CPU has."""

import pytest
import torch

from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.trained_linear import multiplies_bfloat16


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8], ids=str)
def test_there_is_a_peak_of_products_that_this_cpu_has_and_none_of_others(dtype):
    peak_per_s = gemm_peak_flop_per_s(dtype, 0.01)
    if dtype is torch.bfloat16 and not multiplies_bfloat16():
        assert peak_per_s is None
    else:
        assert peak_per_s is not None
        assert peak_per_s > 1e6
