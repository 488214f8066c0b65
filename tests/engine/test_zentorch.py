"""zentorch: where it is refused. On an AMD CPU with AVX-512 the common tests of the engines run it."""

import pytest

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.worker.engine import _needs, zentorch


@pytest.mark.parametrize(
    ("cpu", "lacking"),
    [
        ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2", "no avx512f"),
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx2 avx512f", "no AuthenticAMD"),
        ("CPU implementer\t: 0x41\nFeatures\t: asimd", "no AuthenticAMD and no avx512f"),
    ],
)
def test_a_cpu_that_it_is_not_for_is_skipped(monkeypatch, tmp_path, cpu, lacking):
    (tmp_path / "cpuinfo").write_text(f"{cpu}\n\nprocessor : 1\n")
    monkeypatch.setattr(zentorch, "_CPUINFO", tmp_path / "cpuinfo")
    with pytest.raises(HostError, match=f"ENGINE=zentorch is for AMD CPUs with AVX-512, and this one has {lacking}$"):
        zentorch.require(Precision.FP32)


def test_where_it_is_absent_the_case_is_skipped_with_the_way_to_get_it(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("vendor_id : AuthenticAMD\nflags : avx512f\n\n")
    monkeypatch.setattr(zentorch, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(_needs, "version_of", lambda package: None)
    with pytest.raises(HostError, match=r"ENGINE=zentorch needs zentorch, .*`script/env/python zentorch` installs"):
        zentorch.require(Precision.FP32)


def test_int8_is_refused():
    with pytest.raises(HostError, match=r"ENGINE=zentorch does not compute in int8: .*; it has fp32, bfloat16"):
        zentorch.require(Precision.INT8)
