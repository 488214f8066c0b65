import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pinbench.base.errors import LaunchError
from pinbench.harness.launch import process
from pinbench.harness.launch.process import Child, run_tool, start_child


def start(tmp_path: Path, code: str, *fds: int) -> Child:
    return start_child(
        [sys.executable, "-c", code], env=os.environ, stdout=tmp_path / "out", stderr=tmp_path / "err", pass_fds=fds
    )


def test_a_child_writes_to_its_files_leads_its_own_session_and_has_no_input(tmp_path: Path) -> None:
    child = start(tmp_path, "import os, sys; print(os.getsid(0), repr(sys.stdin.read())); sys.exit('bad')")
    assert child.await_end(5)
    assert child.reap(1) == 1
    assert (tmp_path / "out").read_text() == f"{child.pid} ''\n"
    assert (tmp_path / "err").read_text() == "bad\n"


def test_a_child_inherits_only_the_descriptors_it_is_given(tmp_path: Path) -> None:
    given, kept = os.memfd_create("given", 0), os.memfd_create("kept", 0)
    child = start(tmp_path, "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))", given)
    child.await_end(5)
    child.reap(1)
    seen = parse_list((tmp_path / "out").read_text())
    assert given in seen
    assert kept not in seen
    os.close(given)
    os.close(kept)


def parse_list(text: str) -> list[int]:
    return [int(word) for word in text.strip().strip("[]").split(",")]


def test_an_ended_child_stays_a_zombie_until_it_is_reaped(tmp_path: Path) -> None:
    child = start(tmp_path, "pass")
    assert child.await_end(5)
    assert ") Z " in Path(f"/proc/{child.pid}/stat").read_text()
    assert child.reap(1) == 0
    assert child.has_ended()
    assert not Path(f"/proc/{child.pid}").exists()
    child.send(signal.SIGTERM)  # the number may be another's by now
    child.signal_group(signal.SIGTERM)


def test_a_child_that_ignores_sigterm_is_ended_by_reaping(tmp_path: Path) -> None:
    child = start(tmp_path, "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()")
    give_up = time.monotonic() + 5
    while not (tmp_path / "out").read_text() and time.monotonic() < give_up:
        time.sleep(0.01)
    child.signal_group(signal.SIGTERM)
    assert not child.await_end(0.1)
    assert child.reap(1) == -signal.SIGKILL


def test_a_process_that_ends_with_its_parent_gets_sigterm_when_that_is_killed(tmp_path: Path) -> None:
    source = Path(process.__file__).parents[3]
    orphan = (
        f"import signal, sys; from pathlib import Path; sys.path.insert(0, {str(source)!r})\n"
        "from pinbench.harness.launch.process import end_with_parent\n"
        "signal.signal(signal.SIGTERM, lambda *_: Path('ended').touch()); end_with_parent()\n"
        "Path('ready').touch(); signal.sigtimedwait([], 20)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {orphan!r}], cwd={str(tmp_path)!r})"
    child = start(tmp_path, parent)
    assert appears(tmp_path / "ready")
    child.send(signal.SIGKILL)
    assert appears(tmp_path / "ended")
    child.reap(1)


def appears(path: Path) -> bool:
    give_up = time.monotonic() + 5
    while not path.exists() and time.monotonic() < give_up:
        time.sleep(0.01)
    return path.exists()


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"cannot start true: .*No such file or directory"):
        start_child(["true"], env={}, stdout=tmp_path / "no" / "out", stderr=tmp_path / "err", pass_fds=())


def test_a_tool_returns_its_words_and_its_code() -> None:
    result = run_tool([sys.executable, "-c", "import sys; print('o'); sys.exit('e')"], timeout_s=10)
    assert (result.returncode, result.stdout, result.stderr) == (1, "o\n", "e\n")


def test_a_tool_that_is_absent_or_too_slow_is_one_line() -> None:
    with pytest.raises(LaunchError, match="cannot run /nowhere/tool: No such file or directory"):
        run_tool(["/nowhere/tool"], timeout_s=1)
    with pytest.raises(LaunchError, match=r"took longer than 0\.05 s"):
        run_tool([sys.executable, "-c", "import signal; signal.pause()"], timeout_s=0.05)
