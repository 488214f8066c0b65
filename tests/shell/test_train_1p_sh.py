"""The scripts for one card as a user runs them: raw rows in, a table out, and nothing prepared twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEST = ROOT / "workload" / "DLRM-PyTorch-Ascend" / "test"
TINY = ["--set", "ARCH_MLP_BOT=13-16", "--set", "ARCH_MLP_TOP=8-1", "--set", "TEST_BATCH_SIZE=512"]


def run(script, *words, cwd):
    environment = {**os.environ, "PINBENCH_PYTHON": sys.executable, "PINBENCH_ACCEPT_LICENSE": "criteo-kaggle"}
    return subprocess.run(
        ["bash", str(TEST / script), *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """3,500 made-up raw rows, of which the last seventh is test and val."""
    folder = tmp_path_factory.mktemp("raw")
    words = ["data", "synthetic", "--rows", "3500", "--output", str(folder), "--table-rows", "-".join(["50"] * 26)]
    environment = {**os.environ, "PINBENCH_PYTHON": sys.executable}
    subprocess.run([ROOT / "script" / "pinbench", *words], env=environment, capture_output=True, check=True)
    (folder / "day_0").rename(folder / "train.txt")
    (folder / "planted.json").unlink()
    return folder


def test_raw_rows_become_a_table_and_the_second_run_finds_them_prepared(rows, tmp_path):
    first = run("train_full_1p.sh", f"--data_path={rows}", "--print-freq=5", "--nepochs=2", *TINY, cwd=tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    header, _, row = first.stdout.splitlines()[-3:]
    assert header.replace(" ", "") == "|NAME|ACC|FPS|Epoch|AMP_Type|Torch_Version|"
    name, accuracy, rate, epoch, amp, _ = (cell.strip() for cell in row.strip("|").split("|"))
    assert (name, epoch, amp) == ("1p-CPU", "2", "O0")
    assert 0 < float(accuracy) < 1
    assert float(rate) > 0
    assert (rows / "prepared" / "kaggleAdDisplayChallenge_processed.npz").is_file()
    (log,) = tmp_path.rglob("stderr.log")
    assert "training: step 5, " in log.read_text()
    words = [f"--data_path={rows}", "--step=6", "--amp=O1", *TINY]
    again = run("train_performance_1p.sh", *words, cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "is used again" in again.stdout
    assert "O1" in again.stdout.splitlines()[-1]
    assert "Optimizer Steps: 6\n" in again.stdout


def test_an_npu_that_is_not_there_is_one_line_and_skipped(rows, tmp_path):
    ran = run("train_performance_1p.sh", f"--data_path={rows}", "--use-npu", *TINY, cwd=tmp_path)
    assert ran.returncode == 77
    (reason,) = (line for line in ran.stdout.splitlines() if line.startswith("# reason: "))
    assert reason.startswith("# reason: DEVICE=npu is not on this host: npu:0 cannot be used (")
    assert "Final Performance" not in ran.stdout
