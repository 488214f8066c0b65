"""The entry of an image as a plain process: parameters in, logs out through the pipe, an end that leaves nothing."""

import os
import pty
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[2] / "script" / "image"


class Entry:
    """A "container": the entry in a session of its own, with the environment of an image."""

    def __init__(self, state: Path, *words: str, stdin: int = subprocess.DEVNULL, **variables: str) -> None:
        self.state = state
        self.readers: list[subprocess.Popen[bytes]] = []
        self.environment = {
            "PATH": os.environ["PATH"], "PINBENCH_PYTHON": sys.executable, "PINBENCH_STATE": str(state),
            "PINBENCH_WORKLOAD": "dummy", **variables,
        }  # fmt: skip
        self.process = subprocess.Popen(
            [IMAGE / "entry", *words], env=self.environment, stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def read(self) -> subprocess.Popen[bytes]:
        """Start a reader of the logs, as docker exec would, and wait until the entry has noticed it."""
        pipe = self.state / "export-logs"
        wait_for(pipe.is_fifo)
        identity = pipe.stat().st_ino
        self.readers.append(subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE))
        wait_for(lambda: pipe.stat().st_ino != identity)
        return self.readers[-1]

    def healthy(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run([IMAGE / "healthy"], env=self.environment, capture_output=True, text=True, check=False)


def wait_for(is_true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def members(reader: subprocess.Popen[bytes]) -> dict[str, bytes]:
    """Return the files of the archive in their order."""
    data, _ = reader.communicate(timeout=90)
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*words, **options):
        started.append(Entry(tmp_path / "state", *words, **options))
        return started[-1]

    yield begin
    for entry in started:
        if entry.process.poll() is None:
            os.killpg(entry.process.pid, signal.SIGKILL)
        entry.process.communicate()
        for reader in entry.readers:
            reader.kill()
            reader.communicate()


def of_session(pid):
    """The processes of the entry's session and of the instances' below it, found as `ps` would find them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[3]) == pid and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def test_readers_before_and_after_the_end_get_the_whole_log_each(start):
    entry = start("--reserved", MODE="latency", STEPS="10", CORES_PER_INSTANCE="1", INSTANCE_NUMBER="1")
    early, too = entry.read(), entry.read()
    first, second = members(early), members(too)
    assert first == second == members(entry.read())
    names = list(first)
    assert (names[0], names[-1]) == ("benchmark.log", "status")
    assert first["status"] == b"0\n"
    assert {"itr-1/record.json", "itr-1/worker-0-c0/status", "workload-config.yaml", "kpi.sh"} <= set(names)
    assert b"#Key KPI" in first["benchmark.log"]
    assert entry.healthy().returncode == 0
    entry.process.terminate()
    assert entry.process.wait(10) == 0


@pytest.mark.parametrize(
    ("variables", "refusal"),
    [
        ({"BATCHSIZE": "16"}, "BATCHSIZE=16 is no parameter of dummy; did you mean BATCH_SIZE?"),
        ({"BATCH_SIZE": "many"}, "BATCH_SIZE must be a whole number from 1 to 1048576, got 'many' (environment)"),
        ({"MODE": "thruput"}, "MODE=thruput is not one of throughput, latency; did you mean throughput?"),
        ({"PINBENCH_LINGER": "long"}, "PINBENCH_LINGER is a whole number of seconds, got 'long'"),
        ({"TOPOLOGY": "dlrm"}, "TOPOLOGY=dlrm is not what this image runs, which is dummy; leave it out"),
        ({"PINBENCH_WORKLOAD": "dumy"}, "PINBENCH_WORKLOAD=dumy names no workload of this image; there are: BERT"),
    ],
)
def test_what_is_wrong_stands_in_the_first_line_of_the_log_and_in_status(start, variables, refusal):
    entry = start(**variables)
    archive = members(entry.read())
    assert archive["status"] == b"2\n"
    assert refusal in archive["benchmark.log"].decode().splitlines()[0]
    assert list(archive) == ["benchmark.log", "status"]
    entry.process.terminate()
    assert entry.process.wait(10) == 2


@pytest.mark.parametrize("words", [("bash",), ("--logs-root", "/"), ("--logs-root=/",)])
def test_words_that_are_not_for_the_run_are_refused(start, words):
    entry = start(*words, PINBENCH_LINGER="0")
    said, _ = entry.process.communicate(timeout=60)
    assert entry.process.returncode == 2
    assert said.startswith("pinbench: ")
    assert words[0].partition("=")[0] in said.splitlines()[0]


def test_a_variable_can_be_let_through(start):
    entry = start("--dry-run", BATCHSIZE="16", PINBENCH_PASS="BATCHSIZE", PINBENCH_LINGER="0")
    said, _ = entry.process.communicate(timeout=60)
    assert entry.process.returncode == 0
    assert "dry run: nothing was started" in said


def test_sigterm_ends_the_run_and_what_there_is_is_exported(start):
    entry = start("--reserved", STEP_MS="50", STEPS="1000")
    reader = entry.read()
    for line in entry.process.stdout:
        if "measurement" in line:
            break
    assert entry.healthy().stdout == "measuring\n"
    entry.process.terminate()
    archive = members(reader)
    assert archive["status"] == b"143\n"
    assert b'"failure": "interrupted SIGTERM"' in archive["itr-1/record.json"]
    entry.process.communicate(timeout=20)
    assert entry.process.returncode == 143
    assert of_session(entry.process.pid) == []


def test_on_a_terminal_the_gated_case_runs_prints_its_kpi_and_ends(start):
    ours, theirs = pty.openpty()
    entry = start("--reserved", stdin=theirs)
    said, _ = entry.process.communicate(timeout=90)
    os.close(ours)
    os.close(theirs)
    assert entry.process.returncode == 0
    assert "Testcase: test_dummy_throughput_gated\n" in said
    assert "\n*Throughput (samples/sec): " in said
    assert "stays until it is stopped" not in said


@pytest.mark.parametrize(
    ("words", "variables", "case"),
    [
        ((), {}, "dummy_latency_gated"),
        ((), {"MODE": "throughput"}, "dummy_throughput"),
        ((), {"BATCH_SIZE": "2"}, "dummy_latency_customized (changed: BATCH_SIZE)"),
        (("--case", "dummy_throughput"), {}, "dummy_throughput"),
    ],
)
def test_what_the_image_is_for_holds_where_the_user_says_nothing(start, words, variables, case):
    entry = start("--dry-run", *words, PINBENCH_PRESET="MODE=latency", PINBENCH_LINGER="0", **variables)
    said, _ = entry.process.communicate(timeout=60)
    assert said.startswith(f"Testcase: test_{case}\n"), said


def test_help_lists_the_parameters_and_starts_nothing(start):
    entry = start("--help")
    said, _ = entry.process.communicate(timeout=60)
    assert entry.process.returncode == 0
    assert said.startswith("usage: docker run ")
    assert "\nRETURN_VALUE  [0]  a whole number from 0 to 255\n" in said
    assert not (entry.state / "phase").exists()


@pytest.mark.parametrize(
    ("phase", "code", "words"),
    [
        (None, 1, "starting"),
        ("running 999999999", 1, "has died"),
        ("finished 1", 0, "finished with code 1"),
        ("sleeping 1", 1, "neither running nor finished, but sleeping"),
    ],
)
def test_health_is_measuring_or_having_measured(tmp_path, phase, code, words):
    os.mkfifo(tmp_path / "export-logs")
    if phase is not None:
        (tmp_path / "phase").write_text(f"{phase}\n")
    ran = subprocess.run(
        [IMAGE / "healthy"], env={**os.environ, "PINBENCH_STATE": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == code
    assert words in ran.stdout


def test_without_a_pipe_it_is_not_healthy(tmp_path):
    ran = subprocess.run(
        [IMAGE / "healthy"], env={**os.environ, "PINBENCH_STATE": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (1, f"no pipe at {tmp_path}/export-logs: the logs cannot be had\n")


def test_a_place_that_cannot_be_written_to_is_told_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    ran = subprocess.run(
        [IMAGE / "entry"], env={**os.environ, "PINBENCH_STATE": str(tmp_path / "file/x")}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "beside --read-only give --tmpfs /tmp:exec, or a folder by PINBENCH_STATE" in ran.stderr
