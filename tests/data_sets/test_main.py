import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pinbench.base.jsonio import write_json
from pinbench.contract.data import DownloadJob
from pinbench.harness.cli import main
from pinbench.harness.launch.process import run_job

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests/data/criteo/reference"
ROW = b"0" + b"\t5" * 13 + b"\t0000000a" * 26 + b"\n"


@pytest.fixture(autouse=True)
def a_user(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("PINBENCH_ACCEPT_LICENSE", "criteo-1tb")


def test_one_command_makes_a_set_and_says_how_to_use_it(tmp_path, capfd):
    assert main(["data", "criteo", "--input", str(REFERENCE / "day_0.gz"), "--output", str(tmp_path / "set")]) == 0
    out = capfd.readouterr().out
    assert "250 rows of 1 file(s), format mlperf" in out
    assert "terabyte_processed_test.bin: 250 rows, 39.1 KiB" in out
    assert f"DATA_TYPE=real DATASET_DIR={tmp_path}/set" in out
    assert json.loads((tmp_path / "set/manifest.json").read_text())["max_ind_range"] == 40_000_000


def test_made_up_rows_are_prepared_without_a_licence(tmp_path, capfd, monkeypatch):
    monkeypatch.delenv("PINBENCH_ACCEPT_LICENSE")
    monkeypatch.chdir(tmp_path)
    assert main(["data", "synthetic", "--rows", "50", "--days", "2", "--output", "raw"]) == 0
    assert main(["data", "criteo", "--input", "raw/day_0", "raw/day_1", "--output", "set"]) == 0
    assert main(["data", "describe", "set", "--verify"]) == 0
    assert "licence" not in capfd.readouterr().err


def test_rows_come_through_a_pipe(tmp_path):
    command = [sys.executable, "-m", "pinbench", "data", "criteo", "--input", "-", "--output", str(tmp_path / "set")]
    done = subprocess.run(command, input=ROW * 10, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"10 rows of 1 file(s)" in done.stdout


@pytest.mark.parametrize(
    ("extra", "code", "complaint"),
    [
        (["--max-ind-range", "0"], 2, "--max-ind-range must be a whole number from 1 to 4294967296, got '0'"),
        (["--split", "days"], 2, "--split days needs two files or more"),
        ([], 1, "raw, line 2: field 3 (integer 2) is 'x', not a whole number"),
    ],
)
def test_a_mistake_is_one_line_and_its_exit_code(tmp_path, capfd, extra, code, complaint):
    (tmp_path / "raw").write_bytes(ROW + ROW.replace(b"\t5\t5", b"\t5\tx", 1))
    assert main(["data", "criteo", "--input", str(tmp_path / "raw"), "--output", str(tmp_path / "set"), *extra]) == code
    captured = capfd.readouterr()
    assert complaint in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_the_parent_imports_neither_numpy_nor_torch():
    code = "import sys; from pinbench.harness.cli import main; main(['data', 'criteo', '--help'])"
    check = (
        f"import atexit, sys; atexit.register(lambda: print(sorted({{'numpy', 'torch'}} & set(sys.modules)))); {code}"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def prepare(tmp_path):
    command = [sys.executable, "-m", "pinbench", "data", "criteo", "--input", str(tmp_path / "raw")]
    return subprocess.Popen([*command, "--output", str(tmp_path / "set")], stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_after_a_stop_signal_the_same_command_goes_on(tmp_path, number, code):
    (tmp_path / "raw").write_bytes(ROW * 400_000)
    with prepare(tmp_path) as job:
        while job.poll() is None and not (tmp_path / "set/.preparing").exists():
            os.sched_yield()
        job.send_signal(number)
        _, errors = job.communicate(timeout=30)
    assert job.returncode == code
    assert errors.endswith("pinbench: interrupted; the same command goes on from here\n")
    assert [path.name for path in tmp_path.glob("set/*") if path.name != ".preparing"] == []
    with prepare(tmp_path) as again:
        again.communicate(timeout=120)
    assert again.returncode == 0
    assert not (tmp_path / "set/.preparing").exists()
    assert json.loads((tmp_path / "set/manifest.json").read_text())["inputs"][0]["rows"] == 400_000


def test_a_job_returns_its_exit_code_and_128_plus_its_signal():
    assert run_job([sys.executable, "-c", "raise SystemExit(7)"]) == 7
    assert run_job([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == 137


def test_a_job_reads_our_standard_input_only_if_it_is_said_to():
    job = "[sys.executable, '-c', 'import sys; sys.exit(len(sys.stdin.read()))']"
    code = f"import sys; from pinbench.harness.launch.process import run_job; print(run_job({job}, reads_stdin=%s))"
    for reads, length in ((True, "5\n"), (False, "0\n")):
        command = [sys.executable, "-c", code % reads]
        done = subprocess.run(command, input="12345", capture_output=True, text=True, check=True)
        assert done.stdout == length


def test_a_download_needs_no_package(tmp_path):
    write_json(tmp_path / "orders.json", {"command": "download", "job": DownloadJob(files=(), output="x")})
    code = (
        "import sys\n"
        "from pinbench.worker.data.main import main\n"
        "code = main(['orders.json'])\n"
        "print(code, sorted({'numpy', 'numba', 'isal', 'torch'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0 []\n", "")


def test_a_package_that_is_missing_is_named(tmp_path):
    job = {"directory": ".", "head_rows": 0, "as_json": False, "verify": False}
    write_json(tmp_path / "orders.json", {"command": "describe", "job": job})
    code = (
        "import sys\n"
        "sys.modules['numpy'] = None\n"
        "from pinbench.worker.data.main import main\n"
        "print(main(['orders.json']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "1\n"
    assert done.stderr == f"pinbench: {sys.executable} has no numpy; install it there: pip install numpy\n"
