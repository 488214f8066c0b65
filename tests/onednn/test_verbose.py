import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from pinbench.contract.result import Kernel
from pinbench.worker.onednn.packed_linear import PackedLinear
from pinbench.worker.onednn.verbose import parse_verbose, read_dispatch

# Printed by oneDNN 3.12 under PyTorch 2.13 on an AMD EPYC of the Zen 4 generation.
LOG = (Path(__file__).parents[1] / "data" / "onednn" / "verbose.txt").read_text()


def test_executed_primitives_are_counted_by_kernel_and_types():
    readback = parse_verbose(LOG)
    assert readback.version == "v3.12.0 (commit 0123456)"
    assert readback.header == "Intel AVX-512 with Intel DL Boost and bfloat16 support"
    assert readback.kernels == (
        Kernel(
            primitive="inner_product",
            implementation="brg_matmul:avx512_core",
            types="src:f32 wei:f32 bia:f32 dst:f32",
            calls=2,
        ),
    )


def test_what_the_attributes_allow_of_the_products_is_kept():
    line = (
        "onednn_verbose,v1,primitive,exec,cpu,matmul,gemm:acl,undef,src:f32::blocked:ab::f0 wei:f32::blocked:ab::f0 "
        "dst:f32::blocked:ab::f0,attr-scratchpad:user attr-fpmath:bf16,,16x512:512x64,0.1\n"
    )
    strict = line.replace(" attr-fpmath:bf16", "")
    types = [kernel.types for kernel in parse_verbose(line + strict).kernels]
    assert types == ["src:f32 wei:f32 dst:f32 fpmath:bf16", "src:f32 wei:f32 dst:f32"]


def test_no_log_is_no_kernel():
    assert parse_verbose("").header is None
    assert parse_verbose("").version is None
    assert parse_verbose("").kernels == ()


def test_a_packed_linear_is_seen_in_the_log_of_the_real_library_and_not_on_the_screen(capfd):
    with torch.no_grad():
        packed = PackedLinear(nn.Linear(64, 32), "relu", batch_size=16)
        readback = read_dispatch(lambda: packed(torch.rand(16, 64)))
    assert sum(kernel.calls for kernel in readback.kernels) == 1
    assert "src:f32" in readback.kernels[0].types
    assert "onednn_verbose" not in capfd.readouterr().out


PROCESS = """
import sys, torch
from torch import nn
from pinbench.worker.onednn.packed_linear import PackedLinear
from pinbench.worker.onednn.verbose import read_dispatch, read_header
torch.set_grad_enabled(False)
verbosity = int(sys.argv[1])
told = read_header(verbosity)
packed, x = PackedLinear(nn.Linear(4, 4), "none", 2), torch.rand(2, 4)
print("kernels", len(read_dispatch(lambda: packed(x), verbosity).kernels), flush=True)
packed(x)
print("header", told.header, told.version, flush=True)
"""


@pytest.mark.parametrize(("verbosity", "behind_the_probe"), [(0, 0), (1, 1)])
def test_the_header_is_read_and_onednn_stays_as_verbose_as_the_user_asked(verbosity, behind_the_probe):
    # In a process of its own: the header is printed once, and the variable is read when the library is loaded.
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, str(verbosity)],
        env={**os.environ, "ONEDNN_VERBOSE": str(verbosity), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    before, _, after = done.stdout.partition("kernels 1\n")
    assert after.count(",primitive,exec,") == behind_the_probe
    assert (",primitive,exec," in before) == bool(verbosity)
    assert re.fullmatch(r"header (?!None).+ v\d.*", after.splitlines()[-1])
