import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from pinbench.base.errors import LaunchError
from pinbench.harness.launch.jobs import JobOrder, run_jobs


def order(code: str, name: str = "") -> JobOrder:
    return JobOrder(argv=[sys.executable, "-c", textwrap.dedent(code)], env=os.environ, name=name)


def test_one_job_has_our_output(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    assert run_jobs([order("print('hello'); raise SystemExit(7)")], said.append) == [7]
    assert capfd.readouterr().out == "hello\n"
    assert said == []


def test_several_run_at_once_and_say_whose_line_it_is() -> None:
    # Each waits for a sign of life of the other.
    code = """
        import os, pathlib, sys, time
        folder = pathlib.Path(os.environ["FOLDER"])
        (folder / sys.argv[1]).touch()
        while len(list(folder.iterdir())) < 2:
            time.sleep(0.01)
        print("met"); print("no end", end=""); sys.exit(int(sys.argv[1]))
        """
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "FOLDER": folder}
        orders = [
            JobOrder(argv=[sys.executable, "-c", textwrap.dedent(code), str(number)], env=env, name=f"b{number}")
            for number in (1, 2)
        ]
        said: list[str] = []
        assert run_jobs(orders, said.append) == [1, 2]
    assert sorted(said) == ["b1: met", "b1: no end", "b2: met", "b2: no end"]


def test_a_job_that_a_signal_ended_has_the_code_of_a_shell() -> None:
    assert run_jobs([order("import os; os.kill(os.getpid(), 9)")], print) == [137]


def test_what_the_job_left_behind_is_waited_for(tmp_path: Path) -> None:
    child = f"import time, pathlib; time.sleep(0.5); pathlib.Path({str(tmp_path / 'done')!r}).touch()"
    run_jobs([order(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])")], print)
    assert (tmp_path / "done").exists()


def test_a_signal_goes_on_to_all_jobs_and_they_may_clean_up() -> None:
    code = """
        import signal, sys, time
        def end(number, frame):
            print("cleaned up"); sys.exit(5)
        signal.signal(signal.SIGINT, end)
        print("ready", flush=True)
        time.sleep(30)
        """
    ready: list[str] = []
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.endswith("ready"):
            ready.append(line)
        if len(ready) == 2:
            ready.clear()
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    assert run_jobs([order(code, "b1"), order(code, "b2")], say) == [5, 5]
    assert {"b1: cleaned up", "b2: cleaned up"} <= set(said)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_jobs_end_when_we_are_killed(tmp_path: Path) -> None:
    pid_file = str(tmp_path / "pid")
    job = f"import os, pathlib, time; pathlib.Path({pid_file!r}).write_text(str(os.getpid())); time.sleep(60)"
    code = (
        "import os, sys; from pinbench.harness.launch.jobs import *; "
        f"run_jobs([JobOrder(argv=[sys.executable, '-c', {job!r}], env=os.environ)], print)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as us:
        give_up = time.monotonic() + 20
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < give_up
            time.sleep(0.02)
        us.kill()
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    while stat.exists() and ") Z " not in stat.read_text():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_a_program_that_is_not_there_ends_those_that_are() -> None:
    begin = time.monotonic()
    with pytest.raises(LaunchError, match="cannot start /nowhere"):
        run_jobs([order("import time; time.sleep(30)", "b1"), JobOrder(argv=["/nowhere"], env={}, name="b2")], print)
    assert time.monotonic() - begin < 20
