"""What a precision needs stands in platforms.yaml (which cases are declared) and in host/isa.py (which can run)."""

import itertools
from dataclasses import replace

import pytest
from documents import ROOT
from records import DATA, make_case

from pinbench.base.errors import HostError
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.workload import load_workload, split_label
from pinbench.harness.host.isa import require
from pinbench.harness.record.schema import read_record

_PLATFORM = load_platforms().by_name["SPR"]
_FACTS = read_record(DATA / "records/v1/good.json").host
# Of all platforms, not only those that the needs name: a flag that is needed in one file alone must show, too.
_FLAGS = sorted({flag for p in load_platforms().by_name.values() if p.architecture == "x86_64" for flag in p.isa})
_AT_ONCE = 3  # no label needs more


def _runs(label: str, flags: tuple[str, ...]) -> bool:
    isa, precision = split_label(label)
    try:
        require(make_case(isa=isa, precision=precision), replace(_FACTS, flags=flags, architecture="x86_64"))
    except HostError:
        return False
    return True


@pytest.mark.parametrize("label", _PLATFORM.needs)
def test_a_case_is_declared_exactly_where_it_can_run(label):
    for size in (*range(_AT_ONCE + 1), len(_FLAGS)):
        for flags in itertools.combinations(_FLAGS, size):
            declared = not replace(_PLATFORM, isa=frozenset(flags)).lacks(label)
            assert declared == _runs(label, flags), f"{label} with {flags}"


def test_every_precision_of_a_workload_has_its_needs_written_down():
    for path in ROOT.glob("workload/*/workload.yaml"):
        for label in load_workload(path.parent).parameters["PRECISION"].choices:
            assert "_" not in label or label in _PLATFORM.needs, f"{path.parent.name}: {label}"
