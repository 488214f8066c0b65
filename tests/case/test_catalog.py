import pytest

from pinbench.base.errors import HostError, UsageError
from pinbench.contract.case import Function, Isa, Mode, Precision, Variant
from pinbench.harness.case.catalog import case_choices, case_values, cases, declared_values, excluded, find_case
from pinbench.harness.case.knobs import make_knobs
from pinbench.harness.case.workload import DIMENSIONS, load_workload

PREFIX = "dlrm_pytorch_xeon_public"
_ALL = {"avx_fp32", "avx_bfloat16", "avx_int8", "amx_bfloat16", "amx_bfloat32", "amx_int8"}
MATRIX_SIZE = 2 * 3 * len(_ALL) * 3


@pytest.mark.parametrize(
    ("platform", "labels"),
    [
        ("ICX", {"avx_fp32", "avx_int8"}),
        ("ROME", {"avx_fp32"}),
        ("SRF", {"avx_fp32", "avx_int8"}),
        ("GENOA", {"avx_fp32", "avx_bfloat16", "avx_int8"}),
        ("TURIN", {"avx_fp32", "avx_bfloat16", "avx_int8"}),
        ("SPR", _ALL),
        ("GNR", _ALL),
    ],
)
def test_a_platform_has_the_cases_that_its_instruction_sets_allow(dlrm, platforms, platform, labels):
    declared = cases(dlrm, platforms.resolve(platform))
    assert {case.label for case in declared} == labels
    of_inference, of_training = 3 * len(labels), 2 * len(labels & {"avx_fp32", "avx_bfloat16", "amx_bfloat16"})
    assert len(declared) == 3 * (of_inference + of_training)


@pytest.mark.parametrize("platform", ["ICX", "GENOA", "SPR", "ARMv9", "BDW"])
def test_cases_and_exclusions_together_are_the_matrix(dlrm, platforms, platform):
    declared = [case.name for case in cases(dlrm, platforms.resolve(platform))]
    left_out = [name for name, _ in excluded(dlrm, platforms.resolve(platform))]
    assert len(declared) + len(left_out) == len({*declared, *left_out}) == MATRIX_SIZE


def test_a_rule_for_changed_parameters_leaves_the_declared_cases_alone(miniature, platforms):
    rule = "exclude: [{when: {CASE_TYPE: gated}, changed: [STEPS], reason: short as it is}]"
    workload = load_workload(miniature("matrix:", f"{rule}\nmatrix:"))
    assert len(cases(workload, platforms.resolve("GENOA"))) == 4


def test_an_exclusion_says_what_the_platform_lacks(dlrm, platforms):
    reasons = dict(excluded(dlrm, platforms.resolve("ICX")))
    assert (
        reasons[f"{PREFIX}_inference_throughput_amx_bfloat16_gated"]
        == "amx_bfloat16 needs amx_tile, amx_bf16, which ICX does not have"
    )
    assert (
        reasons[f"{PREFIX}_inference_latency_avx_bfloat16"] == "avx_bfloat16 needs avx512_bf16, which ICX does not have"
    )


def test_a_platform_of_another_architecture_has_no_case_and_says_why(dlrm, platforms):
    assert cases(dlrm, platforms.resolve("GRAVITON4")) == ()
    reasons = {reason for _, reason in excluded(dlrm, platforms.resolve("GRAVITON4"))}
    assert reasons == {"the workload is for x86_64, and ARMv9 (GRAVITON4) is aarch64"}


def test_the_gated_case_is_shorter_and_smaller_than_the_full_one(dlrm):
    full = find_case(dlrm, f"{PREFIX}_inference_throughput_avx_fp32").knobs
    gated = find_case(dlrm, f"{PREFIX}_inference_throughput_avx_fp32_gated").knobs
    pkm = find_case(dlrm, f"{PREFIX}_inference_throughput_avx_fp32_pkm").knobs
    assert (gated.min_duration_s, full.min_duration_s, pkm.min_duration_s) == (5.0, 20.0, 30.0)
    assert gated.own["MAX_IND_RANGE"] == 200_000
    assert "MAX_IND_RANGE" not in full.own  # absent, not a number: it follows from the memory
    assert gated.deadline_s == 300.0


def test_a_name_becomes_a_case_with_its_declared_parameters(dlrm, platforms):
    case = find_case(dlrm, f"test_aws_{PREFIX}_inference_latency_avx_bfloat16_pkm", platforms.resolve("GENOA"))
    assert case.name == f"{PREFIX}_inference_latency_avx_bfloat16_pkm"
    assert (case.function, case.mode, case.isa) == (Function.INFERENCE, Mode.LATENCY, Isa.AVX)
    assert (case.precision, case.variant, case.recipe) == (Precision.BFLOAT16, Variant.PKM, "dlrm")
    assert (case.knobs.batch_size, case.knobs.steps, case.knobs.cores_per_instance) == (1, 200, None)
    assert case.knobs.own["ARCH_MLP_BOT"] == "13-512-256-128"
    assert case.overrides == ()


def test_the_values_of_a_case_are_those_that_were_declared_for_it(dlrm, dummy, platforms):
    for workload in (dlrm, dummy):
        for case in cases(workload, platforms.resolve("SPR")):
            values = declared_values(workload, case_choices(case))
            assert case_values(workload, case) == values
            assert make_knobs(values, DIMENSIONS) == case.knobs


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{PREFIX}_inference_throughput_avx_fp23", r"did you mean dlrm_\w+_inference_throughput_avx_fp32\?"),
        (f"{PREFIX}_training_throughput_amx_bfloat32", "does not exist: no gradients have been shown to train"),
        (f"{PREFIX}_training_latency_avx_fp32", "does not exist: latency is what a user of the model waits for"),
        (f"{PREFIX}_training_throughput_amx_int8", "does not exist: int8 gradients do not train"),
    ],
)
def test_a_case_that_is_not_there_says_which_is_meant_or_why(dlrm, name, message):
    with pytest.raises(UsageError, match=message):
        find_case(dlrm, name)


def test_a_case_that_the_platform_excludes_is_the_hosts_fault(dlrm, platforms):
    with pytest.raises(HostError, match="cannot run here: amx_bfloat16 needs amx_tile, amx_bf16, which GENOA"):
        find_case(dlrm, f"{PREFIX}_inference_throughput_amx_bfloat16", platforms.resolve("GENOA"))


def test_one_more_precision_in_the_matrix_adds_a_case_for_each_mode_and_case_type(miniature, platforms):
    spr = platforms.resolve("SPR")
    before = {case.name for case in cases(load_workload(miniature()), spr)}
    text = "choices: [avx_fp32]"
    folder = miniature(text, "choices: [avx_fp32, amx_bfloat16]")
    path = folder / "workload.yaml"
    path.write_text(
        path.read_text()
        .replace("  PRECISION: [avx_fp32]", "  PRECISION: [avx_fp32, amx_bfloat16]")
        .replace("dimensions: [MODE, CASE_TYPE]", "dimensions: [MODE, PRECISION, CASE_TYPE]")
    )
    after = cases(load_workload(folder), spr)
    assert len(after) - len(before) == 2 * 2
    assert [case.name for case in after if case.label == "amx_bfloat16"] == [
        "mini_ature_throughput_amx_bfloat16",
        "mini_ature_throughput_amx_bfloat16_gated",
        "mini_ature_latency_amx_bfloat16",
        "mini_ature_latency_amx_bfloat16_gated",
    ]


def test_the_names_of_the_dummy_are_short(dummy, platforms):
    assert [case.name for case in cases(dummy, platforms.resolve("ARMv8"))] == [
        "dummy_throughput",
        "dummy_throughput_gated",
        "dummy_latency",
        "dummy_latency_gated",
    ]
