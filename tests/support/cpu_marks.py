"""What a test needs of the machine that it runs on."""

import shutil

import pytest
import torch

from pinbench.worker.ops.compiler import _NAMES

needs_bfloat16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="oneDNN has no bfloat16 on this CPU"
)
needs_compiler = pytest.mark.skipif(not any(map(shutil.which, _NAMES)), reason="no C++ compiler on PATH")
