"""The real declarations, and a small workload that a test may bend."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pinbench.contract.host import HostFacts
from pinbench.harness.case.platforms import Platforms, load_platforms
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import Workload, load_workload

MINIATURE = """\
title: Miniature
category: Test
keywords: [CPU]
recipe: dummy
platforms: [x86_64]
name:
  dimensions: [MODE, CASE_TYPE]
parameters:
  FUNCTION: {choices: [inference]}
  MODE: {choices: [throughput, latency]}
  PRECISION: {choices: [avx_fp32]}
  CASE_TYPE: {choices: ["", gated]}
  BATCH_SIZE: {}
  WARMUP_STEPS: {}
  STEPS: {}
  MIN_DURATION: {}
matrix:
  FUNCTION: [inference]
  MODE: [throughput, latency]
  PRECISION: [avx_fp32]
  CASE_TYPE: ["", gated]
"""


@pytest.fixture
def platforms() -> Platforms:
    return load_platforms()


@pytest.fixture
def dlrm() -> Workload:
    return load_workload(WORKLOAD_ROOT / "DLRM-PyTorch-Xeon-Public")


@pytest.fixture
def dummy() -> Workload:
    return load_workload(WORKLOAD_ROOT / "dummy")


@pytest.fixture
def miniature(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write the small workload with one piece of its text replaced; return its folder."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in MINIATURE
        folder = tmp_path / "Mini-Ature"
        folder.mkdir(exist_ok=True)
        (folder / "workload.yaml").write_text(MINIATURE.replace(old, new) if old else MINIATURE)
        return folder

    return write


@pytest.fixture
def host_of() -> Callable[..., HostFacts]:
    """Build the facts of a host from those that identify its CPU."""

    def build(
        vendor: str, model: int, family: int | None = None, flags: str = "", architecture: str = "x86_64"
    ) -> HostFacts:
        return HostFacts(
            cpu_model=None,
            vendor=vendor,
            family=family,
            model=model,
            stepping=None,
            microcode=None,
            flags=tuple(flags.split()),
            platform=None,
            architecture=architecture,
            kernel="6.1",
            os=None,
            hypervisor=None,
            container=None,
            frequency_driver=None,
            governor=None,
            turbo=None,
            smt=None,
            transparent_hugepages=None,
            transparent_hugepages_shmem=None,
            numa_balancing=None,
            memory_bytes=None,
            swap_used_bytes=None,
            mitigations={},
        )

    return build
