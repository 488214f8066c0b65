from dataclasses import replace

import pytest
from records import make_case, make_record, ok, recorded_runs

from pinbench.base.errors import KpiError
from pinbench.contract.case import Mode
from pinbench.contract.result import MemoryUse, Status
from pinbench.harness.kpi.judge import conclude, judge
from pinbench.harness.kpi.text import format_block


@pytest.mark.parametrize(
    ("name", "primary"), [("good", "Throughput"), ("latency", "Latency"), ("accuracy", "Accuracy")]
)
def test_each_mode_has_exactly_one_primary_kpi_and_it_comes_last(name, primary):
    kpis = judge(recorded_runs()[name])
    assert [kpi.name for kpi in kpis if kpi.primary] == [primary]
    assert kpis[-1].primary


def test_names_are_unique():
    names = [kpi.name for kpi in judge(recorded_runs()["good"])]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["instance_dead", "no_overlap", "wrong_isa"])
def test_a_refused_run_becomes_a_failed_one_and_prints_no_asterisk(name):
    record, block = conclude(recorded_runs()[name])
    text = format_block(block)
    assert record.status is Status.FAILED
    assert record.failure == block.reason
    assert "# status: failed\n# reason: " in text
    assert not any(line.startswith("*") for line in text.splitlines())
    assert "#Metrics" not in text


def test_a_verdict_stays_the_same_when_it_is_judged_again():
    once, _ = conclude(recorded_runs()["no_overlap"])
    assert conclude(once)[0] == once


def test_a_good_record_is_left_as_it_is():
    record = recorded_runs()["good"]
    assert conclude(record)[0] == record


def test_a_skipped_run_stays_skipped_and_says_why():
    record, block = conclude(make_record(status=Status.SKIPPED, failure="this host has no AMX"))
    assert record.status is Status.SKIPPED
    assert format_block(block).endswith("# status: skipped\n# reason: this host has no AMX\n")


def test_every_mode_has_a_key_kpi():
    assert {run.plan.case.mode for run in recorded_runs().values()} == set(Mode)


def test_a_kpi_that_is_no_number_is_refused_by_its_name():
    with pytest.raises(KpiError, match="GEMM Peak is inf, not a number"):
        judge(make_record(ok(0, gemm_peak_flop_per_s=float("inf"))))


def test_every_judgement_is_asked():
    good = ok(0)
    elsewhere = replace(good.placement, cpus_seen=(0, 5))
    for bad, reason in (
        (replace(good, placement=elsewhere), "was planned on"),
        (replace(good, placement=replace(good.placement, threads=3)), "computed with 3"),
        (replace(good, isa=None), "unproven"),
        (replace(good, quality=None), "did not check"),
    ):
        with pytest.raises(KpiError, match=reason):
            judge(make_record(bad))
    with pytest.raises(KpiError, match="ALLOCATOR=tcmalloc"):
        judge(make_record(good, case=make_case(allocator="tcmalloc")))


def test_unknown_memory_takes_no_other_line_away():
    lines = len(judge(make_record(ok(0))))
    without = ok(0, memory=None)
    no_pages = ok(0, memory=MemoryUse(pss_bytes=1, rss_bytes=0, huge_bytes=0))
    assert len(judge(make_record(without))) == lines - 3
    assert len(judge(make_record(no_pages))) == lines - 1
