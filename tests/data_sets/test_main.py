import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pinbench.harness.cli import main
from pinbench.harness.launch.process import run_job

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests/data/criteo/reference"
ROW = b"0" + b"\t5" * 13 + b"\t0000000a" * 26 + b"\n"


@pytest.fixture(autouse=True)
def source_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


def test_one_command_makes_a_set_and_says_how_to_use_it(tmp_path, capfd):
    assert main(["data", "criteo", "--input", str(REFERENCE / "day_0.gz"), "--output", str(tmp_path / "set")]) == 0
    out = capfd.readouterr().out
    assert "250 rows of 1 file(s)" in out
    assert "terabyte_processed_test.bin: 250 rows, 39.1 KiB" in out
    assert f"DATA_TYPE=real DATASET_DIR={tmp_path}/set" in out
    assert json.loads((tmp_path / "set/manifest.json").read_text())["max_ind_range"] == 40_000_000


@pytest.mark.parametrize(
    ("extra", "code", "complaint"),
    [
        (["--max-ind-range", "0"], 2, "--max-ind-range must be from 1 to 4294967296, got 0"),
        (["--split", "days"], 2, "--split days needs two files or more"),
        ([], 1, "raw, line 2: field 3 (integer 2) is 'x', not a whole number of 32 bits"),
    ],
)
def test_a_mistake_is_one_line_and_its_exit_code(tmp_path, capfd, extra, code, complaint):
    (tmp_path / "raw").write_bytes(ROW + ROW.replace(b"\t5\t5", b"\t5\tx", 1))
    assert main(["data", "criteo", "--input", str(tmp_path / "raw"), "--output", str(tmp_path / "set"), *extra]) == code
    captured = capfd.readouterr()
    assert complaint in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "arguments", [[], ["kaggle"], ["criteo"], ["criteo", "--input", "a", "--output", "b", "--split", "x"]]
)
def test_a_wrong_command_line_is_bad_usage(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["data", *arguments])
    assert caught.value.code == 2


def test_the_parent_imports_neither_numpy_nor_torch():
    code = "import sys; from pinbench.harness.cli import main; main(['data', 'criteo', '--help'])"
    check = (
        f"import atexit, sys; atexit.register(lambda: print(sorted({{'numpy', 'torch'}} & set(sys.modules)))); {code}"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def start(tmp_path, stop_at):
    """Start the command on enough rows to last, and return it when the unfinished file grows."""
    (tmp_path / "raw").write_bytes(ROW * 400_000)
    command = [sys.executable, "-m", "pinbench", "data", "criteo", "--input", str(tmp_path / "raw")]
    job = subprocess.Popen([*command, "--output", str(tmp_path / "set")], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "set/.preparing" / stop_at).exists():
        assert job.poll() is None
        os.sched_yield()
    return job


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_signal_leaves_nothing_behind(tmp_path, number, code):
    job = start(tmp_path, "terabyte_processed_test.bin")
    job.send_signal(number)
    _, errors = job.communicate(timeout=30)
    assert job.returncode == code
    assert errors.endswith("pinbench: interrupted; unfinished files are removed\n")
    assert list((tmp_path / "set").iterdir()) == []


def test_a_job_returns_its_exit_code_and_128_plus_its_signal():
    assert run_job([sys.executable, "-c", "raise SystemExit(7)"]) == 7
    assert run_job([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == 137
