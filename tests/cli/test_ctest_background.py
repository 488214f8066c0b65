import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pinbench.base.errors import LaunchError, UsageError
from pinbench.harness.cli._ctest_background import follow, start_in_background, status_lines, stop
from pinbench.harness.record.run_notes import RunNote, read_notes

# A call that ends as the driver does: it notes its code, here 130 after Ctrl-C. Its child does not mind signals.
CALL = """
    import os, pathlib, signal, subprocess, sys, time
    from pinbench.harness.record.run_notes import await_note, end_note
    root = pathlib.Path(sys.argv[1])
    def end(number, frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGINT, end)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    (root / f"child-{os.getpid()}").write_text(str(child.pid))
    await_note(root, os.getpid())
    print("it begins", flush=True)
    code = 0
    try:
        time.sleep(float(sys.argv[2]))
    except KeyboardInterrupt:
        print("cleaned up", flush=True)
        code = 130
    child.kill(); child.wait()
    end_note(root, os.getpid(), code)
    """


@pytest.fixture
def start(tmp_path):
    """Start calls in the background, which all have ended after the test."""
    started: list[RunNote] = []

    def begin(seconds: float = 60) -> RunNote:
        argv = [sys.executable, "-c", textwrap.dedent(CALL), str(tmp_path), str(seconds)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        log = tmp_path / f"{len(started)}.log"
        note = start_in_background(argv, environment=environment, typed=["./ctest.sh", "-V"], root=tmp_path, log=log)
        started.append(note)
        give_up = time.monotonic() + 30
        while "it begins" not in log.read_text():
            assert time.monotonic() < give_up
            time.sleep(0.02)
        return note

    yield begin
    for note in started:
        if note.runs:
            os.killpg(note.pid, signal.SIGKILL)
        child = int((tmp_path / f"child-{note.pid}").read_text())
        subprocess.run(["kill", "-9", str(child)], capture_output=True, check=False)


def child_runs(root: Path, note: RunNote) -> bool:
    stat = Path(f"/proc/{(root / f'child-{note.pid}').read_text()}/stat")
    return stat.exists() and ") Z " not in stat.read_text()


def test_a_call_in_the_background_has_a_session_of_its_own_and_is_shown(start, tmp_path: Path) -> None:
    note = start()
    assert os.getsid(note.pid) == note.pid != os.getsid(0)
    lines = status_lines(tmp_path, 1)
    assert lines[0].startswith(f"{note.id}  runs (pid {note.pid})  since ")
    assert lines[1:] == ["    ./ctest.sh -V", "    | it begins"]


def test_stop_ends_the_call_and_what_it_started_and_lets_it_clean_up(start, tmp_path: Path) -> None:
    note, said = start(), []
    assert stop(tmp_path, "", said.append) == 0
    assert said == [f"{note.id} has ended: ./ctest.sh -V"]
    assert not note.runs
    assert not child_runs(tmp_path, note)
    assert "cleaned up" in (tmp_path / "0.log").read_text()
    assert f"{note.id}  ended with 130" in status_lines(tmp_path, 0)[0]


def test_of_two_calls_one_is_stopped_by_its_id_and_the_other_goes_on(start, tmp_path: Path) -> None:
    first, second = start(), start()
    with pytest.raises(UsageError, match=f"several run here; say which, or all: {first.id}, {second.id}"):
        stop(tmp_path, "", print)
    stop(tmp_path, second.id, lambda line: None)
    assert (first.runs, second.runs) == (True, False)
    stop(tmp_path, "all", lambda line: None)
    assert not first.runs


def test_a_call_that_was_killed_is_told_from_one_that_ended(start, tmp_path: Path) -> None:
    note = start()
    os.kill(note.pid, signal.SIGKILL)
    while note.runs:
        time.sleep(0.02)
    assert f"{note.id}  was killed" in status_lines(tmp_path, 0)[0]
    with pytest.raises(UsageError, match="--stop: nothing runs here"):
        stop(tmp_path, "", print)
    with pytest.raises(LaunchError, match="was killed: it left no exit code"):
        follow(note, tmp_path, tmp_path / "0.log", 0)


def test_following_shows_the_log_from_where_the_call_began_and_returns_its_code(start, tmp_path: Path, capsys) -> None:
    note = start(0.5)
    (tmp_path / "0.log").write_text("of earlier\n" + (tmp_path / "0.log").read_text())
    assert follow(note, tmp_path, tmp_path / "0.log", len("of earlier\n")) == 0
    assert capsys.readouterr().out == "it begins\n"
    assert read_notes(tmp_path)[0].code == 0


def test_nothing_is_shown_where_nothing_has_run(tmp_path: Path) -> None:
    assert status_lines(tmp_path, 5) == ["nothing runs here, and nothing has run in the background"]


def test_an_id_that_nobody_has_names_those_that_run(start, tmp_path: Path) -> None:
    note = start()
    with pytest.raises(UsageError, match=f"nothing runs here as 9999; there is {note.id}"):
        stop(tmp_path, "9999", print)
