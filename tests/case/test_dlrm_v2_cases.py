"""The cases of DLRMv2 for Arm: their names, the sites in front of them, and a precision that a parameter chooses."""

from pathlib import Path

import pytest

from pinbench.base.errors import UsageError
from pinbench.contract.case import Isa, Mode, Precision, Variant
from pinbench.harness.case.catalog import cases, find_case
from pinbench.harness.case.choice import chosen_name
from pinbench.harness.case.override import customise
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import load_workload

NAME = "dlrmv2_pytorch_arm_throughput_pkm"


@pytest.fixture
def arm():
    return load_workload(WORKLOAD_ROOT / "DLRMv2-PyTorch-ARM")


@pytest.fixture
def change(arm):
    def apply(*assignments, **environment):
        return customise(
            arm, find_case(arm, NAME), environment=environment, assignments=assignments, directory=Path("/")
        )

    return apply


@pytest.mark.parametrize("name", ["ARMv8", "ARMv9", "GRAVITON4", "COBALT", "AARCH64", "ICX", "TURIN", "X86_64"])
def test_every_platform_has_the_same_six(arm, platforms, name):
    names = [case.name for case in cases(arm, platforms.resolve(name))]
    modes, types = ("throughput", "latency"), ("", "_gated", "_pkm")
    assert names == [f"dlrmv2_pytorch_arm_{mode}{kind}" for mode in modes for kind in types]


@pytest.mark.parametrize("front", ["", "test_", "test_aws_", "test_azure_"])
def test_a_site_in_front_names_the_same_case(arm, front):
    case = find_case(arm, front + NAME)
    assert (case.name, case.mode, case.variant) == (NAME, Mode.THROUGHPUT, Variant.PKM)


def test_the_defaults_are_the_seed_s(arm):
    case = find_case(arm, NAME)
    assert (case.isa, case.precision) == (Isa.ANY, Precision.FP32)
    assert (case.knobs.batch_size, case.knobs.cores_per_instance, case.knobs.seed) == (1, 1, 727)
    assert case.knobs.own["TORCH_MKLDNN_MATMUL_MIN_DIM"] == 1024
    assert case.knobs.own["TABLE_ROWS"] == 1_000_000


@pytest.mark.parametrize(
    ("written", "precision"),
    [
        ("FP32", Precision.FP32),
        ("fp32", Precision.FP32),
        ("BF16", Precision.BFLOAT32),
        ("bf16", Precision.BFLOAT32),
        ("bfloat16", Precision.BFLOAT16),
    ],
)
def test_the_precision_is_a_parameter_in_the_seed_s_words(arm, change, written, precision):
    for case in (change(f"PRECISION={written}"), change(PRECISION=written)):
        assert (case.name, case.precision, case.isa) == (NAME, precision, Isa.ANY)
        assert case.overrides == (() if precision is Precision.FP32 else ("PRECISION",))
    assert chosen_name(arm, {"PRECISION": written, "CASE_TYPE": "pkm"}) == NAME


def test_other_parameters_stay_with_another_precision(change):
    case = change("PRECISION=BF16", "BATCH_SIZE=16")
    assert (case.precision, case.knobs.batch_size, case.knobs.warmup_steps) == (Precision.BFLOAT32, 16, 100)
    assert case.overrides == ("BATCH_SIZE", "PRECISION")


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("PRECISION=FP16", r"PRECISION must be one of fp32, bfloat16, bfloat32, got 'FP16' \(--set\)"),
        ("MODE=latency", "contradicts the case .*; run test_dlrmv2_pytorch_arm_latency_pkm instead"),
        ("ENGINE=openvino", "no operator that adds up a bag of rows"),
        ("TORCH_MKLDNN_MATMUL_MIN_DIM=64", "ask for no smallest dimension; set ENGINE=eager"),
        ("TORCH_MKLDNN_MATMUL_MIN_DIM=-1", "a whole number from 0 to 1048576, got '-1'"),
        ("TABLE_ROWS=0", "TABLE_ROWS must be a whole number from 1"),
        ("BATCH_SIZE=many", "BATCH_SIZE must be a whole number"),
    ],
)
def test_values_that_are_none_are_refused_in_one_line(change, assignment, reason):
    with pytest.raises(UsageError, match=reason) as refusal:
        change(assignment)
    assert "\n" not in str(refusal.value)


def test_accuracy_and_training_are_no_cases(arm):
    for name in ("dlrmv2_pytorch_arm_accuracy_pkm", "dlrmv2_pytorch_arm_training_throughput"):
        with pytest.raises(UsageError, match="has no case"):
            find_case(arm, name)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[MODE, CASE_TYPE]", "[MODE, CASE_TYPE]\n  by_parameter: [MODE]", "MODE is spelled out by the name"),
        ("[MODE, CASE_TYPE]", "[MODE, CASE_TYPE]\n  by_parameter: [ENGINE]", "by_parameter: 'ENGINE' is not one of"),
    ],
)
def test_a_dimension_comes_from_the_name_or_from_a_parameter(miniature, old, new, reason):
    with pytest.raises(UsageError, match=reason):
        load_workload(miniature(f"dimensions: {old}", f"dimensions: {new}"))


def test_a_dimension_by_parameter_makes_no_further_names(miniature, platforms):
    folder = miniature("dimensions: [MODE, CASE_TYPE]", "dimensions: [MODE]\n  by_parameter: [CASE_TYPE]")
    workload = load_workload(folder)
    assert [case.name for case in cases(workload, platforms.resolve("ICX"))] == [
        "mini_ature_throughput",
        "mini_ature_latency",
    ]
    case = customise(
        workload, find_case(workload, "mini_ature_latency"), environment={"CASE_TYPE": "gated"}, directory=Path("/")
    )
    assert case.variant is Variant.GATED
    assert case.knobs.min_duration_s == 5  # as the shared declaration has it for gated cases
    assert "CASE_TYPE" in case.overrides
