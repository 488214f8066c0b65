import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from records import make_case, make_record, ok

from pinbench.base.errors import UsageError
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import SOURCE_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli._ctest_sweep import make_sweep, parse_axis, require_pattern_alone, run_sweep, without_pattern
from pinbench.harness.cli._ctest_words import parse_words
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import format_block
from pinbench.harness.record.store import open_log_directory
from pinbench.harness.record.workload_config import Settings

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
        (["-R", "(", "--sweep", "BATCH_SIZE=1"], "no regular expression"),
    ],
)
def test_a_wrong_axis_is_refused_before_anything_runs(workloads, words, message):
    with pytest.raises(UsageError) as caught:
        sweep_of(workloads, *words)
    assert message in str(caught.value).replace("? ", " ")


def test_an_axis_may_have_one_value():
    assert parse_axis("ENGINE = eager") == ("ENGINE", ("eager",))


@pytest.mark.parametrize("word", ["-L=gated", "-N", "--rerun-failed"])
def test_other_choices_of_cases_are_refused(word):
    words = parse_words(["-R", FP32, "--sweep", "SEED=1", *word.split("=")])
    with pytest.raises(UsageError, match="by -R or --testcase alone"):
        require_pattern_alone(words)


def test_the_words_for_ctest_lose_the_pattern_alone():
    assert without_pattern(["-V", "-R", "x", "--timeout", "3"]) == ["-V", "--timeout", "3"]


@pytest.fixture
def jobs(monkeypatch):
    """Replace ctest: remembers its command lines and settings, and returns the next of its exit codes."""
    seen = []
    codes = []

    def run_job(argv, *, env):
        seen.append((argv[-1], env["PINBENCH_SET"]))
        return codes.pop(0) if codes else 0

    monkeypatch.setattr("pinbench.harness.cli._ctest_sweep.run_job", run_job)
    return seen, codes


def test_rounds_go_over_all_points_before_the_next(workloads, jobs, tmp_path, capsys):
    seen, codes = jobs
    codes += [0, 8, 0, 0]
    words = parse_words(["-R", FP32, "--sweep", "SEED=1,2", "--set", "STEPS=3", "--run", "2"])
    work = make_sweep(words, workloads, load_platforms().resolve("SPR"), {})
    assert run_sweep(work, words, ["ctest"], tmp_path, {}) == 8
    assert [settings for _, settings in seen] == 2 * ['["STEPS=3", "SEED=1"]', '["STEPS=3", "SEED=2"]']
    assert seen[0][0] == "^test_dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated$"
    out = capsys.readouterr().out
    assert "sweep: round 2 of 2, point 1 of 2: " in out
    assert "no point was run" in out


def test_ctrl_c_ends_the_sweep(workloads, jobs, tmp_path):
    seen, codes = jobs
    codes += [0, 130]
    words = parse_words(["-R", FP32, "--sweep", "SEED=1,2,3"])
    work = make_sweep(words, workloads, load_platforms().resolve("SPR"), {})
    assert run_sweep(work, words, ["ctest"], tmp_path, {}) == 130
    assert len(seen) == 2


def test_a_directory_that_was_there_before_is_no_result(workloads, jobs, tmp_path, capsys):
    logs = tmp_path / "logs-dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"
    logs.mkdir()
    words = parse_words(["-R", FP32, "--sweep", "SEED=1"])
    work = make_sweep(words, workloads, load_platforms().resolve("SPR"), {})
    run_sweep(work, words, ["ctest"], Path(tmp_path), {})
    assert "no point was run" in capsys.readouterr().out


def test_the_table_holds_the_runs_of_this_sweep_alone(workloads, monkeypatch, tmp_path, capsys):
    words = parse_words(["-R", FP32, "--sweep", "SEED=1,2", "--run", "2"])
    work = make_sweep(words, workloads, load_platforms().resolve("SPR"), {})
    name = work.points[0].case.name
    hours = itertools.count()

    def leave_a_run(seed, per_s):
        case = replace(make_case(seed=seed), overrides=("SEED",))
        record, block = conclude(make_record(ok(0, step_s=128 / per_s), case=case))
        with open_log_directory(tmp_path, name, datetime(2025, 1, 2, next(hours), tzinfo=UTC)) as logs:
            script = SOURCE_ROOT / "workload/DLRM-PyTorch-Xeon-Public/kpi.sh"
            logs.write_configuration(case, Settings(command=()), kpi_script=script)
            logs.start_iteration(1).finish(record, format_block(block))

    leave_a_run(9, 1)  # of somebody's earlier work
    rates = iter([100, 200, 300, 400])

    def run_job(argv, *, env):
        (setting,) = json.loads(env["PINBENCH_SET"])
        leave_a_run(int(setting.removeprefix("SEED=")), next(rates))
        return 0

    monkeypatch.setattr("pinbench.harness.cli._ctest_sweep.run_job", run_job)
    assert run_sweep(work, words, ["ctest"], tmp_path, {}) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines() if not line.startswith(("#", "sweep"))]
    assert [row[:4] for row in table] == [
        ["SEED", "n", "failed", "median"], ["2", "2", "0", "300.00"], ["1", "2", "0", "200.00"],
    ]  # fmt: skip
