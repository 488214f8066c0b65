"""Machines as trees of files, and a case to place on them."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pinbench.contract.case import Case, Function, Isa, Knobs, Mode, Precision, Variant

_SPEC = importlib.util.spec_from_file_location("expand", Path(__file__).parents[1] / "data/sysfs/expand.py")
assert _SPEC
assert _SPEC.loader
_EXPAND = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_EXPAND)


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the tree of a machine, which all tests share: it is for reading only."""
    top = tmp_path_factory.mktemp("machines")

    @cache
    def expanded(name: str) -> Path:
        return _EXPAND.expand(name, top / name)

    return expanded


@pytest.fixture
def case() -> Callable[..., Case]:
    """Return a maker of cases: fields of `Case` by name, all others of `Knobs`."""

    def make(**changes: Any) -> Case:
        base = Case(
            workload="DLRM", name="dlrm_inference_throughput_avx_fp32", recipe="dlrm", function=Function.INFERENCE,
            mode=Mode.THROUGHPUT, isa=Isa.AVX, precision=Precision.FP32, variant=Variant.FULL,
            knobs=Knobs(batch_size=1, warmup_steps=0, steps=1, min_duration_s=0.0),
        )  # fmt: skip
        own = {name: value for name, value in changes.items() if hasattr(base, name)}
        knobs = {name: value for name, value in changes.items() if name not in own}
        return replace(base, knobs=replace(base.knobs, **knobs), **own)

    return make
