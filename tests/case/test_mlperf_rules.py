"""What of MLPerf goes together in the workload DLRM: scenarios, their parameters, and the log of a training."""

from pathlib import Path

import pytest

from pinbench.base.errors import UsageError
from pinbench.contract.case import Scenario
from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.override import customise

PREFIX = "dlrm_pytorch_xeon_public_inference"


@pytest.fixture
def change(dlrm):
    def apply(mode, *assignments):
        case = find_case(dlrm, f"{PREFIX}_{mode}_avx_fp32_gated")
        return customise(dlrm, case, environment={}, assignments=assignments, directory=Path("/home/user"))

    return apply


@pytest.mark.parametrize(
    ("mode", "scenario"),
    [
        ("throughput", Scenario.OFFLINE),
        ("throughput", Scenario.SERVER),
        ("latency", Scenario.SINGLE_STREAM),
        ("latency", Scenario.MULTI_STREAM),
    ],
)
def test_a_scenario_belongs_to_the_mode_that_has_its_figure(change, mode, scenario):
    case = change(mode, f"SCENARIO={scenario}")
    assert case.knobs.scenario is scenario
    assert case.knobs.own["SAMPLE_PAIRS"] == "one"
    other = {"throughput": "latency", "latency": "throughput"}[mode]
    with pytest.raises(UsageError, match=f"SCENARIO={scenario} with MODE={other}: LoadGen gives"):
        change(other, f"SCENARIO={scenario}")


def test_without_a_scenario_our_own_loop_asks(change):
    assert change("throughput").knobs.scenario is Scenario.OWN
    assert change("throughput", "SCENARIO=").overrides == ()


@pytest.mark.parametrize(
    ("mode", "assignments", "message"),
    [
        ("throughput", ("TARGET_QPS=5",), r"these are for LoadGen; set SCENARIO too"),
        ("throughput", ("SCENARIO=Offline", "INSTANCE_NUMBER=2"), "one LoadGen tests one system"),
        ("throughput", ("SCENARIO=Offline", "TARGET_LATENCY=5"), "only Server has a bound"),
        (
            "throughput",
            ("SCENARIO=Offline", "DATA_TYPE=real", "DATASET_DIR=x", "DATA_LOADING=end_to_end"),
            "has its samples loaded into memory",
        ),
        ("throughput", ("SCENARIO=Offline", "SAMPLE_QUANTILES=q.txt"), "a sample then has one pair"),
        ("throughput", ("SCENARIO=Server", "LOADGEN_CONFIG=user.conf", "STEPS=5"), "say what LoadGen does"),
        ("latency", ("SCENARIO=SingleStream", "TARGET_QPS=5"), "the next query comes when the last one is answered"),
        ("throughput", ("MLPERF_LOGGING=True",), "MLPerf's log of events is a training's"),
    ],
)
def test_what_has_no_use_is_refused_with_the_reason(change, mode, assignments, message):
    with pytest.raises(UsageError, match=message):
        change(mode, *assignments)
