from dataclasses import fields

from records import make_case

from pinbench.contract.case import Knobs, Scenario, Variant
from pinbench.harness.record.tunables import tunables


def test_parameters_go_by_the_names_that_users_set():
    values = tunables(make_case(instances=2, min_duration_s=5.0, own={"MAX_IND_RANGE": 100_000}))
    assert values["INSTANCE_NUMBER"] == 2
    assert values["MIN_DURATION"] == 5.0
    assert values["PRECISION"] == "avx_fp32"
    assert values["CASE_TYPE"] == "gated"
    assert values["MAX_IND_RANGE"] == 100_000


def test_a_parameter_without_a_value_is_absent():
    values = tunables(make_case(variant=Variant.FULL))
    assert not {"CORES_PER_INSTANCE", "COST_PER_HOUR", "DATASET_DIR", "ALLOCATOR", "CASE_TYPE"} & set(values)


def test_every_knob_that_has_a_value_is_listed():
    case = make_case(
        cores_per_instance=4, instances=2, dataset_dir="/data", allocator="jemalloc", cost_per_hour=3.5,
        scenario=Scenario.OFFLINE,
    )  # fmt: skip
    assert len(tunables(case)) == len(fields(Knobs)) - 1 + 4  # without `own`; FUNCTION MODE PRECISION CASE_TYPE
