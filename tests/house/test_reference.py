"""What the reference pages list is what the code does."""

import re
from dataclasses import replace

import pytest
import yaml
from documents import ROOT, blocks, documents
from records import DATA, FP32_KERNEL, make_case, make_record, ok

from pinbench.base.errors import ExitCode, PinbenchError
from pinbench.contract.result import IsaReadback
from pinbench.harness.cli import _ctest_call
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import parse_block
from pinbench.harness.plan.threads import SCRUBBED_PREFIXES
from pinbench.harness.record.schema import read_record
from pinbench.harness.record.workload_config import Settings, workload_config

_REFERENCE = ROOT / "doc" / "reference"
_SHOWN = [block for document in documents() for block in blocks(document) if block.words == ("text", "block")]


def _page(name):
    return (_REFERENCE / name).read_text(encoding="utf-8")


def _recorded_names(run):
    _, block = conclude(read_record(DATA / "records/v1" / run))
    return [kpi.name for kpi in block.kpis]


@pytest.mark.parametrize("run", ["good.json", "latency.json", "accuracy.json"])
def test_every_kpi_has_its_definition(run):
    page = _page("kpi.md")
    for name in _recorded_names(run):
        shown = re.sub(r"Instance \d+", "Instance <i>", name)
        shown = "P50 Latency" if re.fullmatch(r"P[\d.]+ Latency", shown) else shown
        shown = "Model Quality Metric Value" if shown == "Model Quality Metric Name" else shown
        assert f"`{shown}`" in page, name


@pytest.mark.parametrize("block", _SHOWN, ids=lambda block: block.name)
def test_a_shown_kpi_block_is_one_that_the_code_can_print(block):
    parsed = parse_block(block.text)
    known = {re.sub(r"\d+", "", name) for run in ("good.json", "latency.json") for name in _recorded_names(run)}
    assert {re.sub(r"\d+", "", kpi.name) for kpi in parsed.kpis} <= known
    assert sum(kpi.primary for kpi in parsed.kpis) == 1


def test_the_block_of_the_readme_has_every_field_of_a_run_of_its_case():
    shown = parse_block(next(block.text for block in _SHOWN if block.document == ROOT / "README.md"))
    probe = IsaReadback(header="Intel AVX2", kernels=(FP32_KERNEL,), version="v3.12.0")
    _, printed = conclude(make_record(ok(0, isa=probe)))
    assert list(shown.workload) == list(printed.workload)
    assert list(shown.application) == list(printed.application)


def test_there_are_shown_blocks():
    assert {block.document.parent.name for block in _SHOWN} == {ROOT.name, "DLRM-PyTorch-Xeon-Public"}


def test_the_variables_that_are_removed_are_listed():
    row = next(line for line in _page("environment.md").splitlines() if line.startswith("| `OMP_` "))
    assert re.findall(r"`([^`]+)`", row) == list(SCRUBBED_PREFIXES)


def test_the_variables_between_ctest_and_a_case_are_listed():
    for name in _ctest_call.HANDED_OVER:
        assert f"`{name}`" in _page("environment.md")


def test_the_keys_of_the_configuration_are_listed():
    settings = Settings(**dict.fromkeys(Settings.__dataclass_fields__, "x"))
    config = yaml.safe_load(workload_config(make_case(), replace(settings, architecture="x86_64")))
    listed = next(line for line in _page("log-directory.md").splitlines() if "has the keys of Intel WSF" in line)
    assert re.findall(r"`([^`]+)`", listed)[1:] == list(config)


def test_every_exit_code_is_listed():
    page = _page("exit-codes.md")
    for code in {*ExitCode, *(kind.exit_code for kind in PinbenchError.__subclasses__())}:
        assert f"| {int(code)} |" in page


def test_the_tolerances_are_those_of_the_precisions():
    page = (ROOT / "doc/explain/quality.md").read_text(encoding="utf-8")
    for path in (ROOT / "src/pinbench/worker/precision").glob("[!_]*.py"):
        tolerance = re.search(r"^LOGIT_TOLERANCE = (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert tolerance is not None
        assert f"| {path.stem} | {float(tolerance[1]):.4f}".rstrip("0") in page


def test_the_index_of_decisions_has_their_titles():
    index = (ROOT / "doc/decision/README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "doc/decision").glob("0*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        assert f"- [{title}]({path.name})" in index
        assert title.startswith(f"{path.name[:4]}. ")
