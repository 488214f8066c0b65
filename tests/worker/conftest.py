"""What a recipe switches for its whole process is switched back behind each test."""

import pytest
import torch


@pytest.fixture(autouse=True)
def products_as_before():
    matmul = torch.backends.mkldnn.matmul
    before = matmul.fp32_precision
    yield
    matmul.fp32_precision = before


@pytest.fixture(autouse=True)
def gradients_as_before():
    before = torch.is_grad_enabled()
    yield
    torch.set_grad_enabled(before)
