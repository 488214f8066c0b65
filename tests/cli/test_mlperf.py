"""``pinbench mlperf``: with MLCommons' real checkers, each command passes once and fails when the logs are broken."""

import importlib.util
import json

import pytest
from mlperf_logs import events, rewrite, write_log

from pinbench.base.errors import ExitCode
from pinbench.contract.mlperf import BENCHMARKS, LOG_FILE, Division
from pinbench.harness.cli import main
from pinbench.harness.mlperf import checkers

needs_checker = pytest.mark.skipif(
    importlib.util.find_spec("mlperf_logging") is None,
    reason="no mlperf-logging here; script/env/python mlperf installs it",
)


def check(path, *words):
    return main(["mlperf", "check", str(path), *words])


@needs_checker
@pytest.mark.parametrize("model", BENCHMARKS)
def test_a_good_log_passes_in_one_line(model, tmp_path, capsys):
    path = write_log(tmp_path / LOG_FILE, model)
    assert check(path) == ExitCode.PASSED
    said = capsys.readouterr()
    assert said.out.startswith(f"{path}: passes ({model}, open, ruleset {BENCHMARKS[model].ruleset}): ")
    assert len(said.out.splitlines()) == 1


@needs_checker
def test_a_log_without_a_key_that_the_rules_demand_fails_with_what_the_checker_said(tmp_path, capsys):
    path = write_log(tmp_path / LOG_FILE, "dlrm", division=Division.CLOSED)
    rewrite(path, [event for event in events(path) if event["key"] != "lr_decay_start_steps"])
    assert check(path) == ExitCode.FAILED
    said = capsys.readouterr()
    assert (
        said.out == f"{path}: fails (dlrm, closed, ruleset 2.1.0): compliance_checker refuses it under ruleset 2.1.0\n"
    )
    assert "'lr_decay_start_steps' but found 0" in said.err


@needs_checker
def test_a_quality_below_the_target_fails_though_the_open_rules_take_it(tmp_path, capsys):
    path = write_log(tmp_path / LOG_FILE, "dlrm", last=0.75)
    assert check(path) == ExitCode.FAILED
    assert "the last AUC is 0.75 (line " in capsys.readouterr().out
    assert check(path, "--target", "0.75") == ExitCode.PASSED


@needs_checker
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "80"), "--target must be a number from 0 to 1, got '80'"),
        (("--ruleset", "9.9.9"), "compliance_checker"),
    ],
)
def test_bad_words_are_one_line(words, message, tmp_path, capsys):
    path = write_log(tmp_path / LOG_FILE, "dlrm")
    assert check(path, *words) == ExitCode.BAD_USAGE
    assert message in capsys.readouterr().err


def test_without_the_checkers_the_way_out_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkers.importlib.util, "find_spec", lambda name: None)
    assert check(write_log(tmp_path / LOG_FILE, "dlrm")) == ExitCode.SKIPPED
    assert "`script/env/python mlperf` installs it" in capsys.readouterr().err


@pytest.fixture
def logs(tmp_path):
    return [write_log(tmp_path / f"run-{number}.txt", "dlrm", seed=number + 1) for number in range(5)]


def package(tmp_path, logs, system="auto"):
    words = ["--system", str(system), "--output", str(tmp_path / "package"), *map(str, logs)]
    return main(["mlperf", "package", *words])


@needs_checker
def test_five_good_runs_are_a_package_that_mlcommons_checker_takes(tmp_path, logs, capsys):
    system = tmp_path / "system.yaml"
    system.write_text("host_networking: 10 GbE\n")
    assert package(tmp_path, logs, system) == ExitCode.PASSED
    said = capsys.readouterr().out
    assert "package_checker finds no errors (dlrm, 5 runs)" in said
    assert "left empty" in said
    assert "host_networking," not in said
    (described,) = (tmp_path / "package" / "systems").glob("*.json")
    assert json.loads(described.read_text())["host_networking"] == "10 GbE"
    assert checkers.check_package(tmp_path / "package", "dlrm").passed
    (tmp_path / "package" / "results" / described.stem / "dlrm" / "result_4.txt").unlink()
    assert not checkers.check_package(tmp_path / "package", "dlrm").passed


@needs_checker
def test_a_description_without_a_field_is_refused_by_its_checker(tmp_path, logs):
    assert package(tmp_path, logs) == ExitCode.PASSED
    (described,) = (tmp_path / "package" / "systems").glob("*.json")
    assert checkers.check_system(described, "2.1.0").passed
    fields = json.loads(described.read_text())
    del fields["cooling"]
    described.write_text(json.dumps(fields))
    assert not checkers.check_system(described, "2.1.0").passed
    assert not checkers.check_package(tmp_path / "package", "dlrm").passed


@needs_checker
def test_one_bad_run_in_five_stops_the_package_though_package_checker_would_let_it_pass(tmp_path, logs, capsys):
    rewrite(logs[2], [event for event in events(logs[2]) if event["key"] != "train_samples"])
    assert package(tmp_path, logs) == ExitCode.FAILED
    said = capsys.readouterr()
    assert said.out.count("passes") == 4
    assert said.err.endswith("1 of 5 runs cannot be submitted; no package was made\n")
    assert not (tmp_path / "package").exists()


@needs_checker
def test_too_few_runs_are_refused_before_any_is_checked(tmp_path, logs, capsys):
    assert package(tmp_path, logs[1:]) == ExitCode.FAILED
    said = capsys.readouterr()
    assert said.err == "pinbench: a submission of dlrm has 5 runs, got 4\n"
    assert said.out == ""


@needs_checker
def test_a_closed_package_of_dlrm_is_refused_with_the_reason(tmp_path, capsys):
    logs = [
        write_log(tmp_path / f"run-{number}.txt", "dlrm", seed=number + 1, division=Division.CLOSED)
        for number in range(5)
    ]
    assert package(tmp_path, logs) == ExitCode.BAD_USAGE
    assert "package_checker cannot judge a closed package of dlrm" in capsys.readouterr().err
