"""A package gets its name only when the checker has found nothing, and never replaces another one."""

import json

import pytest
from mlperf_logs import write_log

from pinbench.base.errors import RecordError
from pinbench.harness.mlperf.checkers import Answer
from pinbench.harness.mlperf.package import assemble
from pinbench.harness.mlperf.runs import find_runs

GOOD = Answer(passed=True, text="")
DESCRIBED = {"system_name": "two sockets (24/7)", "submitter": "example"}


@pytest.fixture
def runs(tmp_path):
    return find_runs([write_log(tmp_path / f"{number}.txt", "dlrm", seed=number) for number in range(2)])


def test_the_files_lie_where_the_rules_want_them(runs, tmp_path):
    assemble(tmp_path / "package", runs, DESCRIBED, lambda _: GOOD)
    found = {str(path.relative_to(tmp_path / "package")) for path in (tmp_path / "package").rglob("*.*")}
    assert found == {
        "systems/two_sockets_24_7.json",
        "results/two_sockets_24_7/dlrm/result_0.txt",
        "results/two_sockets_24_7/dlrm/result_1.txt",
        "benchmarks/dlrm/README.md",
    }
    second = tmp_path / "package/results/two_sockets_24_7/dlrm/result_1.txt"
    assert second.read_text() == (tmp_path / "1.txt").read_text()
    assert json.loads((tmp_path / "package/systems/two_sockets_24_7.json").read_text()) == DESCRIBED


def test_a_package_that_is_refused_leaves_nothing_behind(runs, tmp_path):
    before = set(tmp_path.iterdir())
    with pytest.raises(RecordError, match="package_checker refuses the package, nothing was written"):
        assemble(tmp_path / "package", runs, DESCRIBED, lambda _: Answer(passed=False, text="no"))
    assert set(tmp_path.iterdir()) == before


def test_a_package_that_is_there_is_left_alone(runs, tmp_path):
    (tmp_path / "package").mkdir()
    with pytest.raises(RecordError, match="is there already, and earlier results are never overwritten"):
        assemble(tmp_path / "package", runs, DESCRIBED, lambda _: GOOD)
