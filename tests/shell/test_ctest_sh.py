import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Runner = Callable[..., subprocess.CompletedProcess[str]]


def listed(said: str) -> list[str]:
    return re.findall(r"Test +#\d+: (\S+)", said)


def handed_over(said: str) -> dict[str, str]:
    return dict(re.findall(r"^\d+: (\w+)=(.*)$", said, re.MULTILINE))


def test_without_words_it_explains_itself_and_that_is_bad_usage(door: Runner, checkout: Path) -> None:
    ran = door(checkout / "ctest.sh")
    assert ran.returncode == 2
    assert ran.stdout.startswith("usage: ./ctest.sh")
    assert not (checkout / "build").exists()


def test_help_is_the_same_and_no_mistake(door: Runner, checkout: Path) -> None:
    ran = door(checkout / "ctest.sh", "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "--describe-params" in ran.stdout


def test_the_first_start_configures_and_the_next_does_not(door: Runner, checkout: Path) -> None:
    first = door(checkout / "ctest.sh", "-N")
    assert first.returncode == 0, first.stderr
    assert "test_dummy_throughput" in listed(first.stdout)
    assert f"pinbench: configuring {checkout / 'build'}\n" in first.stderr
    assert "configuring" not in door(checkout / "ctest.sh", "-N").stderr


def test_a_changed_workload_is_configured_again_with_the_same_options(door: Runner, checkout: Path) -> None:
    build = checkout / "build"
    door(checkout / "ctest.sh", "-N")
    (build / "CMakeCache.txt").write_text(
        (build / "CMakeCache.txt").read_text().replace("PLATFORM:STRING=\n", "PLATFORM:STRING=ICX\n")
    )
    stamp_ns = (build / "pinbench-configured").stat().st_mtime_ns
    os.utime(checkout / "workload" / "dummy" / "workload.yaml", ns=(stamp_ns + 1, stamp_ns + 1))
    ran = door(checkout / "ctest.sh", "-N")
    assert "again: the workloads changed" in ran.stderr
    assert json.loads((build / "workload" / "dummy" / "settings.json").read_text())["platform"] == "ICX"


def test_in_a_workloads_build_folder_only_its_cases_are_listed(door: Runner, build: Path) -> None:
    everything = listed(door(build / "ctest.sh", "-N").stdout)
    own = listed(door("./ctest.sh", "-N", cwd=build / "workload" / "dummy").stdout)
    assert own == [name for name in everything if name.startswith("test_dummy_")]
    assert len(own) < len(everything)


def test_what_the_user_wants_reaches_the_run(door: Runner, build: Path, tmp_path: Path) -> None:
    config = tmp_path / "my config.yaml"
    config.write_text("'*':\n  STEPS: 3\n")
    name = "test_dlrm_pytorch_xeon_public_inference_throughput_avx_fp32"
    words = ["--testcase", name, "-V", "--set", "DATASET_DIR=$(touch /x)", "--set=DATA_TYPE=real"]
    words += ["--config", config.name, "--run=3", "--dry-run"]
    ran = door(build / "ctest.sh", *words, cwd=tmp_path, BATCH_SIZE="16", PINBENCH_SET="stale")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = handed_over(ran.stdout)
    assert json.loads(found["PINBENCH_SET"]) == ["DATASET_DIR=$(touch /x)", "DATA_TYPE=real"]
    assert found["PINBENCH_CONFIG"] == str(config)
    assert (found["PINBENCH_RUN"], found["PINBENCH_DRY_RUN"], found["BATCH_SIZE"]) == ("3", "1", "16")
    assert found["PINBENCH_FOLDER"] == str(tmp_path)
    assert json.loads(found["PINBENCH_COMMAND"]) == [str(build / "ctest.sh"), *words]
    assert f"--case {name.removeprefix('test_')} --platform GENOA" in ran.stdout
    assert "100% tests passed" in ran.stdout


def test_nothing_of_an_earlier_call_reaches_the_run(door: Runner, build: Path) -> None:
    ran = door(build / "ctest.sh", "-R", "^test_dummy_latency$", "-V", PINBENCH_SET='["STEPS=1"]', PINBENCH_RUN="9")
    found = handed_over(ran.stdout)
    assert "PINBENCH_SET" not in found
    assert "PINBENCH_RUN" not in found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sett", "A=1"], "unknown option --sett; did you mean --set?"),
        (["--config", "absent.yaml"], "--config absent.yaml: no such file"),
        (["--set", "BATCH_SIZE=1 2 4"], "has 3 values for 1 run of each case"),
        (["-R", "dummy", "--set", "STPES=1"], "dummy has no parameter 'STPES'; did you mean STEPS?"),
        (["-R", "dummy", "--set", "STEPS=2 2 2 ...8", "--loop", "3"], "never gets anywhere"),
        (["--stop"], "--stop: nothing runs here"),
        (["-R", "dummy", "--loop", "2", "--resume"], "--resume: no earlier call"),
        (["--run", "0"], "--run needs how often each case runs, at least 1, got '0'"),
        (["-R", "amx_bfloat16"], "excluded: amx_bfloat16 needs amx_"),
        (["-R", "test_dummy_througput"], "did you mean "),
    ],
)
def test_a_mistake_is_one_line_and_runs_nothing(door: Runner, build: Path, words: list[str], message: str) -> None:
    ran = door(build / "ctest.sh", *words)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert ran.stdout == ""


def test_a_label_that_selects_nothing_is_no_success(door: Runner, build: Path) -> None:
    assert door(build / "ctest.sh", "-L", "nothing-has-this").returncode != 0


def test_the_parameters_are_described(door: Runner, build: Path) -> None:
    ran = door(build / "workload" / "dummy" / "ctest.sh", "--describe-params")
    assert ran.returncode == 0
    assert "BEHAVIOUR" in ran.stdout
    assert "DATASET_DIR" not in ran.stdout


def test_a_build_folder_that_cannot_be_configured_says_why(door: Runner, checkout: Path) -> None:
    with (checkout / "CMakeLists.txt").open("a") as file:
        file.write('message(FATAL_ERROR " broken on purpose")\n')
    ran = door(checkout / "ctest.sh", "-N")
    assert ran.returncode == 1
    assert "broken on purpose" in ran.stderr
    assert "could not be configured" in ran.stderr


def test_loops_and_bursts_are_calls_of_ctest_with_labels_and_shares(door: Runner, build: Path) -> None:
    ran = door(build / "ctest.sh", "-R", "^test_dummy_latency$", "-V", "--loop=2", "--burst=1", "--set", "STEPS=7 8")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    labels = re.findall(r"PINBENCH_LABEL=(\w+)", ran.stdout)
    assert labels == ["l1b1", "l2b1"]
    assert re.findall(r'PINBENCH_SET=\["(\S+)"\]', ran.stdout) == ["STEPS=7", "STEPS=8"]
    assert "ctest.sh: 2 turns" in ran.stdout


def test_of_chosen_cases_the_values_are_described(door: Runner, build: Path) -> None:
    ran = door(build / "ctest.sh", "-R", "^test_dummy_latency$", "--set", "STEPS=7", "--describe-params")
    assert "test_dummy_latency:\n" in ran.stdout
    assert "    STEPS=7  (changed)\n" in ran.stdout
    assert "DATASET_DIR" not in ran.stdout


def test_recent_runs_are_forgotten(door: Runner, build: Path) -> None:
    (build / ".log_files").write_text(f"{build}\n/gone\n")
    ran = door(build / "ctest.sh", "--reset-recent")
    assert (ran.returncode, ran.stdout) == (0, "ctest.sh: 1 log directories are no longer recent\n")
    assert not (build / ".log_files").exists()


def test_in_the_background_it_returns_at_once_and_leaves_its_code(door: Runner, build: Path, tmp_path: Path) -> None:
    ran = door(build / "ctest.sh", "-R", "^test_dummy_latency$", "--daemon", tmp_path / "log", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    give_up = time.monotonic() + 60
    while "ended with 0" not in (shown := door(build / "ctest.sh", "--status", "1").stdout):
        assert time.monotonic() < give_up, shown
    assert "100% tests passed" in (tmp_path / "log").read_text()
