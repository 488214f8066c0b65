import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.sequence import Axis
from pinbench.harness.case.source import SOURCE_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli._ctest_sweep import make_sweep, parse_sweep
from pinbench.harness.cli._ctest_words import parse_words

FP32 = "inference_throughput_avx_fp32_gated"


@pytest.fixture(scope="module")
def workloads():
    return [load_workload(SOURCE_ROOT / "workload" / name) for name in ("DLRM-PyTorch-Xeon-Public", "dummy")]


def sweep_of(workloads, *words):
    return make_sweep(parse_words(words), workloads, load_platforms().resolve("SPR"), {})


def test_every_combination_of_every_case_is_a_point(workloads):
    cases = ["-R", "inference_throughput_avx_.*_gated"]
    work = sweep_of(workloads, *cases, "--sweep", "BATCH_SIZE=1,16", "--sweep", "SEED=1,2,3")
    assert len(work.points) == 3 * 2 * 3
    assert [point.settings for point in work.points[:4]] == [
        ("BATCH_SIZE=1", "SEED=1"), ("BATCH_SIZE=1", "SEED=2"), ("BATCH_SIZE=1", "SEED=3"), ("BATCH_SIZE=16", "SEED=1"),
    ]  # fmt: skip
    assert {point.case.label for point in work.points} == {"avx_fp32", "avx_bfloat16", "avx_int8"}
    assert work.points[4].case.knobs.batch_size == 16


def test_a_combination_that_cannot_be_is_left_out_with_its_reason(workloads, tmp_path):
    words = ["-R", FP32, "--sweep", "DATA_TYPE=synthetic,real", "--sweep", "BATCH_SIZE=1,2"]
    work = sweep_of(workloads, *words)
    assert len(work.points) == len(work.left_out) == 2
    assert "DATA_TYPE=real BATCH_SIZE=1: " in work.left_out[0]
    assert "set DATASET_DIR" in work.left_out[0]


def test_a_case_that_this_host_has_yet_to_be_given_something_for_is_left_out_too(workloads):
    pattern = "inference_(throughput|accuracy)_avx_fp32_gated"
    work = sweep_of(workloads, "-R", pattern, "--sweep", "BATCH_SIZE=1,16")
    assert [point.case.mode for point in work.points] == ["throughput", "throughput"]
    assert len(work.left_out) == 2
    assert "set DATASET_DIR" in work.left_out[0]


def test_an_axis_may_go_by_another_suites_name(workloads):
    work = sweep_of(workloads, "-R", FP32, "--sweep", "TORCH_TYPE=IPEX,COMPILE-INDUCTOR")
    assert [point.case.knobs.engine for point in work.points] == ["ipex", "inductor"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sweep", "BATCH_SIZE=1,2"], "needs to know the cases"),
        (["-R", FP32, "--sweep", "BATCH_SIZE"], "is not NAME=VALUE"),
        (["-R", FP32, "--sweep", "BATCH_SIZE=1,,2"], "is not NAME=VALUE"),
        (["-R", FP32, "--sweep", "BATCH_SIZE=1,2,1"], "names '1' twice"),
        (["-R", FP32, "--sweep", "BATCH_SIZE=1", "--sweep", "BATCH_SIZE=2"], "names BATCH_SIZE twice"),
        (["-R", FP32, "--sweep", "BATCH_SISE=1,2"], "no parameter 'BATCH_SISE'; did you mean BATCH_SIZE"),
        (["-R", FP32, "--sweep", "BATCH_SIZE=1,$(touch x)"], "BATCH_SIZE must be a whole number"),
        (["-R", FP32, "--sweep", "PRECISION=avx_fp32,avx_int8"], "choose several cases by -R"),
        (["-R", FP32, "--sweep", "DATA_TYPE=real"], "has no point that can run"),
        (["-R", FP32, "--sweep", "SEED=1,2", "--sweep", "STEPS=1", "--zip"], "SEED has 2, STEPS has 1; give each as"),
        (["-R", FP32, "--sweep", "BATCH_SIZE=8 6 4 ...2"], "falls"),
        (["-R", "(", "--sweep", "BATCH_SIZE=1"], "no regular expression"),
    ],
)
def test_a_wrong_axis_is_refused_before_anything_runs(workloads, words, message):
    with pytest.raises(UsageError) as caught:
        sweep_of(workloads, *words)
    assert message in str(caught.value).replace("? ", " ")


def test_an_axis_may_have_one_value():
    assert parse_sweep(["ENGINE = eager"]) == (Axis(name="ENGINE", values=("eager",)),)


def test_with_zip_the_axes_go_in_step(workloads):
    work = sweep_of(workloads, "-R", FP32, "--sweep", "BATCH_SIZE=1,16", "--sweep", "SEED=3 4", "--zip")
    assert [point.settings for point in work.points] == [("BATCH_SIZE=1", "SEED=3"), ("BATCH_SIZE=16", "SEED=4")]


def test_an_axis_may_be_a_sequence_as_set_has_it(workloads):
    work = sweep_of(workloads, "-R", FP32, "--sweep", "BATCH_SIZE=1 2 4 ...16 |4/SEED=1 2")
    assert [point.settings for point in work.points[:3]] == [
        ("BATCH_SIZE=4", "SEED=1"), ("BATCH_SIZE=4", "SEED=2"), ("BATCH_SIZE=8", "SEED=1"),
    ]  # fmt: skip


def test_rounds_go_over_all_points_before_the_next(workloads):
    work = sweep_of(workloads, "-R", FP32, "--sweep", "SEED=1,2", "--set", "STEPS=3")
    turns = [turn for (turn,) in work.rounds(2)]
    assert [turn.title for turn in turns] == [
        "r1p1 STEPS=3 SEED=1", "r1p2 STEPS=3 SEED=2", "r2p1 STEPS=3 SEED=1", "r2p2 STEPS=3 SEED=2",
    ]  # fmt: skip
    assert {turn.cases for turn in turns} == {("test_dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated",)}
