import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinbench.harness.case.naming import case_name, parse_case_name
from pinbench.harness.case.workload import DIMENSIONS


def allowed_of(workload):
    return [(dimension, workload.parameters[dimension].choices) for dimension in workload.dimensions]


def test_every_legal_combination_of_dlrm_survives_the_way_into_a_name_and_back(dlrm):
    allowed = allowed_of(dlrm)
    combinations = list(itertools.product(*(values for _, values in allowed)))
    names = set()
    for values in combinations:
        choices = dict(zip(dlrm.dimensions, values, strict=True))
        name = case_name(dlrm.prefix, dlrm.dimensions, choices)
        assert parse_case_name(name, dlrm.prefix, allowed) == choices
        names.add(name)
    assert len(names) == len(combinations) == 2 * 3 * 6 * 3


def test_the_names_are_those_of_the_seed(dlrm):
    choices = {"FUNCTION": "inference", "MODE": "throughput", "PRECISION": "amx_bfloat16", "CASE_TYPE": "gated"}
    name = "dlrm_pytorch_xeon_public_inference_throughput_amx_bfloat16"
    assert case_name(dlrm.prefix, dlrm.dimensions, choices) == f"{name}_gated"
    assert case_name(dlrm.prefix, dlrm.dimensions, {**choices, "CASE_TYPE": ""}) == name


def test_a_workload_may_leave_dimensions_out_of_its_names():
    dimensions = ("MODE", "CASE_TYPE")
    choices = {"FUNCTION": "inference", "MODE": "throughput", "PRECISION": "fp32", "CASE_TYPE": "pkm"}
    name = case_name("dlrmv2_pytorch_arm", dimensions, choices)
    assert name == "dlrmv2_pytorch_arm_throughput_pkm"
    allowed = [("MODE", ["throughput"]), ("CASE_TYPE", ["", "pkm"])]
    assert parse_case_name(name, "dlrmv2_pytorch_arm", allowed) == {"MODE": "throughput", "CASE_TYPE": "pkm"}


@pytest.mark.parametrize("front", ["", "test_", "test_aws_", "test_azure_"])
def test_the_prefix_of_ctest_and_of_a_site_may_stand_in_front(front):
    allowed = [("MODE", ["throughput", "latency"])]
    assert parse_case_name(f"{front}bert_throughput", "bert", allowed) == {"MODE": "throughput"}


@pytest.mark.parametrize(
    "name",
    [
        "bert_throughput_",
        "bert_throughputx",
        "bert",
        "xbert_throughput",
        "aws_bert_throughput",
        "test_aws_eu_bert_throughput",
        "test_test_bert",
        "bert_throughput_gated_gated",
        "",
    ],
)
def test_what_is_nearly_a_name_is_none(name):
    assert parse_case_name(name, "bert", [("MODE", ["throughput"]), ("CASE_TYPE", ["", "gated"])]) is None


def test_a_value_that_begins_another_one_is_told_apart():
    allowed = [("PRECISION", ["avx", "avx_fp32"]), ("CASE_TYPE", ["", "fp32"])]
    assert parse_case_name("w_avx_fp32_fp32", "w", allowed) == {"PRECISION": "avx_fp32", "CASE_TYPE": "fp32"}


WORDS = st.text(alphabet="abx0", min_size=1, max_size=3)


@given(
    prefix=WORDS,
    values=st.lists(st.lists(WORDS, min_size=1, max_size=4, unique=True), min_size=1, max_size=4),
    optional=st.booleans(),
    data=st.data(),
)
def test_names_of_any_values_without_underscores_round_trip(prefix, values, optional, data):
    if optional:
        values = [*values[:-1], ["", *values[-1]]]
    allowed = list(zip(DIMENSIONS, values, strict=False))
    choices = {dimension: data.draw(st.sampled_from(options)) for dimension, options in allowed}
    name = case_name(prefix, [dimension for dimension, _ in allowed], choices)
    assert parse_case_name(name, prefix, allowed) == choices
    assert parse_case_name(f"test_{name}", prefix, allowed) == choices
