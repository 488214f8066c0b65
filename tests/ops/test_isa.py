"""Which kernels a limit of oneDNN leaves."""

import pytest
import torch

from pinbench.base.errors import UsageError
from pinbench.worker.ops.isa import best, runnable, useful, variants

_ALL = tuple(variant.name for variant in variants("x86_64"))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (None, "avx512_core_bf16"),
        ("SSE41", "generic"),
        ("AVX", "generic"),
        ("AVX2", "avx2"),
        ("avx2_vnni_2", "avx2"),
        ("AVX512_CORE", "avx512_core"),
        ("AVX512_CORE_VNNI", "avx512_core_vnni"),
        ("AVX512_CORE_BF16", "avx512_core_bf16"),
        ("AVX512_CORE_FP16", "avx512_core_bf16"),
        ("AVX512_CORE_AMX", "avx512_core_bf16"),
        ("DEFAULT", "avx512_core_bf16"),
    ],
)
def test_a_limit_of_onednn_is_one_of_ours(limit, expected):
    assert best(_ALL, limit) == expected


@pytest.mark.parametrize("limit", [None, "AVX2", "AVX512_CORE"])
def test_a_limit_above_what_the_cpu_has_takes_nothing_away(limit):
    assert best(("generic", "avx2"), limit) == "avx2"
    assert best(("generic",), limit) == "generic"


def test_a_limit_that_onednn_does_not_know_is_refused_with_those_it_does():
    with pytest.raises(UsageError, match=r"ONEDNN_MAX_CPU_ISA=AVX3 is no limit .*AVX2, AVX2_VNNI"):
        best(_ALL, "AVX3")


def test_every_cpu_runs_the_generic_kernels_and_other_architectures_have_no_others():
    assert runnable()[0] == "generic"
    assert [variant.name for variant in variants("aarch64")] == ["generic"]


@pytest.mark.parametrize(
    ("has", "expected"),
    [
        ((), ("generic",)),
        (("avx2",), ("generic", "avx2")),
        (("avx2", "avx512"), ("generic", "avx2", "avx512_core")),
        (("avx2", "avx512", "vnni"), ("generic", "avx2", "avx512_core", "avx512_core_vnni")),
        (("avx2", "avx512", "vnni", "avx512_bf16"), _ALL),
    ],
)
def test_what_torch_reports_decides_what_can_run(monkeypatch, has, expected):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name in ("avx2", "avx512", "vnni", "avx512_bf16"):
        monkeypatch.setattr(f"torch.cpu._is_{name}_supported", lambda name=name: name in has)
    assert runnable() == expected
    assert useful(torch.int8) == expected
    assert useful(torch.bfloat16) == tuple(name for name in expected if not name.endswith("_vnni"))
    assert useful(torch.float32) == expected[:3]  # a kernel that is named for bfloat16 does not prove an fp32 label
