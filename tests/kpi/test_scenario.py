"""A test by LoadGen: its figure is the key KPI, INVALID fails the run with the reason, short ones are marked."""

from dataclasses import replace

import pytest
from records import ACCURACY, make_case, make_record, ok

from pinbench.base.errors import KpiError
from pinbench.contract.case import Mode, Scenario
from pinbench.contract.result import LoadgenResult, Status
from pinbench.harness.kpi.configuration import application_configuration
from pinbench.harness.kpi.judge import conclude, judge

SETTINGS = {"min_duration (ms)": "5000", "min_query_count": "200", "performance_sample_count": "121"}
OFFLINE = LoadgenResult(
    scenario="Offline", is_valid=True, samples_per_s=40.0, settings=SETTINGS, samples=121, pairs=32_768
)
STREAM = LoadgenResult(
    scenario="SingleStream", is_valid=True, percentile="90.0", percentile_ns=2_500_000.0, estimate_ns=2_600_000.0,
    latency_ns={"Min": 1e6, "Mean": 2e6, "Max": 9e6, "90.00": 2_500_000.0, "99.90": 8e6}, settings=SETTINGS,
    samples=121, pairs=32_768,
)  # fmt: skip


def record(loadgen, scenario=Scenario.OFFLINE, mode=Mode.THROUGHPUT, **changes):
    case = make_case(scenario=scenario, mode=mode, steps=200)
    return make_record(
        ok(0, **{"steps": 1 if loadgen else 200, "step_s": 5.0, "loadgen": loadgen, **changes}), case=case
    )


def lines(loadgen, *words):
    return {kpi.name: kpi for kpi in judge(record(loadgen, *words))}


def test_offline_has_samples_per_second_and_says_what_the_rules_want_besides():
    found = lines(OFFLINE)
    key = found["Samples per Second"]
    assert (key.value, key.unit, key.primary, key.higher_is_better) == (40.0, "samples/sec", True, True)
    assert found["Pairs per Second"].value == pytest.approx(40 * 32_768 / 121, rel=1e-4)
    assert found["LoadGen Result"].value == "VALID"
    assert found["LoadGen Result"].note == "not MLPerf-compliant: 5 s of 600; 121 samples in memory of 204800"
    assert not {"Throughput", "Total Throughput", "Samples", "P90 Latency"} & set(found)


def test_a_stream_has_its_percentile_and_the_estimate_of_early_stopping():
    found = lines(STREAM, Scenario.SINGLE_STREAM, Mode.LATENCY)
    key = found["90th Percentile Latency"]
    assert (key.value, key.unit, key.primary, key.higher_is_better) == (2.5, "ms", True, False)
    assert found["Early Stopping 90th Percentile"].value == 2.6
    assert (found["P99.9 Query Latency"].value, found["Mean Query Latency"].value) == (8.0, 2.0)
    assert "200 queries of 1024" in found["LoadGen Result"].note


def test_with_the_settings_of_a_submission_it_is_said_that_the_rules_are_kept():
    settings = {"min_duration (ms)": "600000", "min_query_count": "1", "performance_sample_count": "204800"}
    found = lines(replace(OFFLINE, settings=settings))
    assert found["LoadGen Result"].note == "the rules for a submission are kept"


def test_an_invalid_test_fails_the_run_with_the_reason():
    invalid = replace(OFFLINE, is_valid=False, reasons=("Min duration satisfied: NO", "Increase expected QPS"))
    judged, block = conclude(record(invalid))
    assert judged.status is Status.FAILED
    assert block.reason == "LoadGen calls the test INVALID: Min duration satisfied: NO; Increase expected QPS"
    assert block.kpis == ()


@pytest.mark.parametrize(
    ("loadgen", "message"),
    [
        (None, "was to run Offline, but ran none"),
        (replace(OFFLINE, scenario="Server"), "was to run Offline, but ran Server"),
        (replace(OFFLINE, is_valid=None), "calls the test INVALID: it gives no reason"),
    ],
)
def test_a_test_that_was_not_made_has_no_number(loadgen, message):
    with pytest.raises(KpiError, match=message):
        judge(record(loadgen))


def test_two_instances_have_no_verdict_together():
    case = make_case(scenario=Scenario.OFFLINE)
    both = (ok(0, steps=1, step_s=5.0, loadgen=OFFLINE), ok(1, steps=1, step_s=5.0, loadgen=OFFLINE))
    with pytest.raises(KpiError, match="one LoadGen tests one system, but 2 instances ran"):
        judge(make_record(*both, case=case))


def test_accuracy_under_loadgen_is_of_all_pairs():
    told = LoadgenResult(scenario="Server", samples=50, pairs=ACCURACY.samples)
    found = judge(record(told, Scenario.SERVER, Mode.ACCURACY, accuracy=ACCURACY))
    assert [kpi.name for kpi in found if kpi.primary] == ["Accuracy"]
    with pytest.raises(KpiError, match="have 12749 pairs, but 12750 were scored"):
        judge(record(replace(told, pairs=12_749), Scenario.SERVER, Mode.ACCURACY, accuracy=ACCURACY))


def test_the_block_says_the_scenario_and_loadgens_own_settings():
    found = application_configuration(record(STREAM, Scenario.SINGLE_STREAM, Mode.LATENCY))
    assert found["SCENARIO"] == "SingleStream"
    assert found["LOADGEN"].startswith("min_duration (ms)=5000, min_query_count=200")
