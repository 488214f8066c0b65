"""MLPerf's training log: what it holds, in which order, at which times, and that MLCommons' own checker takes it."""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlperf_logs import DLRM_WEIGHTS, events, rewrite, training_run, write_log
from records import make_case

from pinbench.base.errors import RecordError
from pinbench.contract.case import Function
from pinbench.contract.mlperf import BENCHMARKS, LOG_FILE, Division
from pinbench.worker.training.mlperf_log import MlperfLog, Submission, dlrm_tensors, open_log
from pinbench.worker.training.observer import Ending

needs_checker = pytest.mark.skipif(
    importlib.util.find_spec("mlperf_logging") is None,
    reason="no mlperf-logging here; script/env/python mlperf installs it",
)


def comply(log: Path, model: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable, "-m", "mlperf_logging.compliance_checker", "--usage", "training", "--werror",
            "--ruleset", BENCHMARKS[model].ruleset, "--log_output", str(folder / "checker.log"), str(log),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def keys(path: Path) -> list[str]:
    return [event["key"] for event in events(path)]


ACCEPTED = [
    ("dlrm", Division.OPEN),
    ("dlrm", Division.CLOSED),
    ("dlrm_dcnv2", Division.OPEN),
    ("dlrm_dcnv2", Division.CLOSED),
    ("bert", Division.OPEN),
    ("bert", Division.CLOSED),
]


@needs_checker
@pytest.mark.parametrize(("model", "division"), ACCEPTED)
def test_mlcommons_own_checker_takes_the_log_with_warnings_as_errors(model, division, tmp_path):
    said = comply(write_log(tmp_path / LOG_FILE, model, division=division), model, tmp_path)
    assert "SUCCESS" in said.stderr, said.stderr
    assert said.returncode == 0


@needs_checker
@pytest.mark.parametrize(
    ("model", "division", "key"),
    [
        ("dlrm", Division.OPEN, "submission_status"),
        ("dlrm", Division.CLOSED, "sgd_opt_learning_rate_decay_steps"),
        ("dlrm", Division.CLOSED, "weights_initialization"),
        ("dlrm_dcnv2", Division.CLOSED, "opt_adagrad_epsilon"),
        ("bert", Division.OPEN, "cache_clear"),
    ],
)
def test_it_refuses_the_log_without_one_of_its_keys(model, division, key, tmp_path):
    log = write_log(tmp_path / LOG_FILE, model, division=division)
    rewrite(log, [event for event in events(log) if event["key"] != key])
    said = comply(log, model, tmp_path)
    assert said.returncode == 1
    assert key in said.stderr


def test_the_events_come_in_the_order_in_which_things_happen(tmp_path):
    found = keys(write_log(tmp_path / LOG_FILE, "dlrm"))
    hyper_parameters = found[found.index("seed") : found.index("init_stop")]
    assert found[:2] == ["cache_clear", "init_start"]
    assert found.count("weights_initialization") == 9
    assert {"global_batch_size", "train_samples", "lowest_numerical_precision_in_linear"} <= set(hyper_parameters)
    assert found[found.index("init_stop") :] == [
        "init_stop", "run_start", "block_start", "epoch_start",
        "eval_start", "eval_accuracy", "eval_stop", "eval_start", "eval_accuracy", "eval_stop",
        "epoch_stop", "block_stop", "run_stop",
    ]  # fmt: skip


def test_each_event_has_the_time_at_which_it_was_told(tmp_path):
    before_ms = time.time_ns() // 1_000_000
    log = MlperfLog(tmp_path / LOG_FILE, Submission(org="a", platform="b"))
    time.sleep(0.05)
    log.initialised(training_run("dlrm"))
    time.sleep(0.03)
    log.run_starts()
    log.run_stops(Ending.ABORTED, 7)
    at_ms = {event["key"]: event["time_ms"] for event in events(tmp_path / LOG_FILE)}
    assert before_ms - 1 <= at_ms["init_start"] <= before_ms + 5000
    assert at_ms["init_stop"] - at_ms["init_start"] >= 49
    assert at_ms["run_start"] - at_ms["init_stop"] >= 29
    assert at_ms["seed"] == at_ms["init_stop"]


def test_a_wall_clock_that_is_put_back_does_not_put_the_log_back(tmp_path, monkeypatch):
    log = MlperfLog(tmp_path / LOG_FILE, Submission(org="a", platform="b"))
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    log.initialised(training_run("dlrm"))
    log.run_starts()
    times = [event["time_ms"] for event in events(tmp_path / LOG_FILE)]
    assert times == sorted(times)


def test_what_ended_the_run_stands_in_its_last_line(tmp_path):
    log = MlperfLog(tmp_path / LOG_FILE, Submission(org="a", platform="b"))
    log.initialised(training_run("dlrm"))
    log.run_starts()
    log.run_stops(Ending.ABORTED, 7)
    metadata = events(tmp_path / LOG_FILE)[-1]["metadata"]
    assert (metadata["status"], metadata["step_num"]) == ("aborted", 7)


@pytest.mark.parametrize(
    ("model", "epoch_num"), [("dlrm", [1.05, 1.1]), ("dlrm_dcnv2", [0.05, 0.1]), ("bert", [209_747_968, 419_495_936])]
)
def test_epochs_are_counted_as_each_reference_counts_them(model, epoch_num, tmp_path):
    found = events(write_log(tmp_path / LOG_FILE, model))
    assert [event["metadata"]["epoch_num"] for event in found if event["key"] == "eval_accuracy"] == epoch_num


def test_of_dlrm_all_tables_are_one_tensor_and_a_layer_is_one():
    assert dlrm_tensors(DLRM_WEIGHTS) == (
        "embeddings", "bottom_mlp_dense1", "bottom_mlp_dense2", "bottom_mlp_dense3",
        "top_mlp_dense1", "top_mlp_dense2", "top_mlp_dense3", "top_mlp_dense4", "top_mlp_dense5",
    )  # fmt: skip


@needs_checker
def test_a_line_is_what_mllog_itself_would_write(tmp_path):
    from mlperf_logging.mllog import mllog

    path = write_log(tmp_path / LOG_FILE, "dlrm")
    for line, event in zip(path.read_text(encoding="utf-8").splitlines(), events(path), strict=True):
        assert line == mllog._encode_log(*event.values())


def test_the_parameters_of_the_case_say_who_submits_and_whether_there_is_a_log(tmp_path):
    own = {
        "MLPERF_LOGGING": True, "MLPERF_ORG": "example", "MLPERF_DIVISION": "closed", "MLPERF_STATUS": "cloud",
    }  # fmt: skip
    log = open_log(make_case(function=Function.TRAINING, own=own), tmp_path)
    assert log is not None
    log.initialised(training_run("dlrm"))
    said = {event["key"]: event["value"] for event in events(tmp_path / LOG_FILE)}
    assert [said[f"submission_{key}"] for key in ("org", "division", "status")] == ["example", "closed", "cloud"]
    assert said["submission_platform"]
    assert open_log(make_case(own={"MLPERF_LOGGING": False}), tmp_path) is None


def test_a_log_is_never_written_over(tmp_path):
    write_log(tmp_path / LOG_FILE, "dlrm")
    with pytest.raises(RecordError, match=r"cannot write MLPerf's log .*mlperf_log\.txt: File exists"):
        write_log(tmp_path / LOG_FILE, "dlrm")


def test_a_training_that_is_killed_leaves_what_happened(tmp_path):
    log = MlperfLog(tmp_path / LOG_FILE, Submission(org="a", platform="b"))
    log.initialised(training_run("dlrm"))
    assert json.loads((tmp_path / LOG_FILE).read_text().splitlines()[-1].partition(" ")[2])["key"] == "init_stop"
