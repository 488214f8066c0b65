"""A training through the command that users run, whose log MLPerf's rules accept, and no longer when it is broken."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlperf_logs import events, rewrite

from pinbench.base.errors import ExitCode
from pinbench.harness.cli import main
from pinbench.harness.mlperf.log import read_log

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "DATASET_DIR": ROOT / "tests/data/golden/training", "MAX_IND_RANGE": 400, "BATCH_SIZE": 64, "STEPS": 50,
    "TEST_FREQ": 10, "TEST_STEPS": 4, "TEST_BATCH_SIZE": 128, "TARGET_AUC": 0.55, "CORES_PER_INSTANCE": 1, "SEED": 7,
    "MLPERF_LOGGING": True, "MLPERF_ORG": "example",
}  # fmt: skip
SAID = {
    "submission_org": "example", "submission_division": "open", "submission_status": "research", "seed": 7,
    "submission_benchmark": "dlrm", "global_batch_size": 64, "eval_samples": 500, "opt_base_learning_rate": 3.0,
    "lowest_numerical_precision_in_linear": "fp32",
}  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    logs = tmp_path_factory.mktemp("logs")
    words = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    done = subprocess.run(
        [str(ROOT / "script/pinbench"), "run", "--workload", str(ROOT / "workload/DLRM-PyTorch-Xeon-Public"),
         "--case", "dlrm_pytorch_xeon_public_training_accuracy_avx_fp32_gated", "--logs-root", str(logs), *words],
        env=os.environ | {"PINBENCH_PYTHON": sys.executable}, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Converged: yes" in done.stdout
    (path,) = logs.glob("logs-*/itr-1/worker-*/instance-000/mlperf_log.txt")
    return path


def test_the_log_of_a_training_says_what_the_case_says(log):
    found = read_log(log)
    assert {key: found.values(key) for key in SAID} == {key: (value,) for key, value in SAID.items()}


@pytest.mark.skipif(importlib.util.find_spec("mlperf_logging") is None, reason="no mlperf-logging here")
def test_it_passes_the_checks_and_does_not_when_its_end_is_changed(log, tmp_path, capsys):
    assert main(["mlperf", "check", str(log), "--target", "0.55"]) == ExitCode.PASSED
    changed = events(log)
    changed[-1]["metadata"]["status"] = "aborted"
    broken = rewrite(tmp_path / log.name, changed)
    assert main(["mlperf", "check", str(broken), "--target", "0.55"]) == ExitCode.FAILED
    assert "the run ended with status 'aborted'" in capsys.readouterr().out
