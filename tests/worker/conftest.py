"""What a recipe switches for its whole process is switched back behind each test."""

import pytest
import torch


@pytest.fixture(autouse=True)
def products_as_before():
    matmul = torch.backends.mkldnn.matmul
    before = matmul.fp32_precision
    yield
    matmul.fp32_precision = before
