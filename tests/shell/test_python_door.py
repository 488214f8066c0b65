import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from needs import ROOT

Runner = Callable[..., subprocess.CompletedProcess[str]]
DOOR = ROOT / "script" / "env" / "python"


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


@pytest.mark.parametrize("level", ["list", "run", "data", "dev"])
def test_the_users_interpreter_is_taken_when_it_has_all(door: Runner, level: str) -> None:
    ran = door(DOOR, level)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert Path(ran.stdout.strip()).name.startswith("python")


def test_the_users_interpreter_is_never_changed_and_what_it_lacks_is_named(door: Runner, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    ran = door(DOOR, "run", PINBENCH_PYTHON=str(tmp_path / "bare" / "bin" / "python"))
    assert ran.returncode == 1
    assert "lacks PyYAML, torch, numpy, safetensors, which level 'run' needs" in one_line(ran.stderr)


def test_an_interpreter_that_is_too_old_is_refused(door: Runner, tmp_path: Path) -> None:
    ran = door(DOOR, "list", PINBENCH_PYTHON=script(tmp_path / "old", "echo is 3.9.2 >&2; exit 1"))
    assert ran.returncode == 1
    assert "is no Python 3.11 or later: (is 3.9.2)" in one_line(ran.stderr)


def test_an_interpreter_that_is_absent_is_refused(door: Runner) -> None:
    ran = door(DOOR, "list", PINBENCH_PYTHON="/nonexistent/python3")
    assert ran.returncode == 1
    assert "PINBENCH_PYTHON=/nonexistent/python3 is no Python 3.11 or later" in one_line(ran.stderr)


def test_a_machine_without_python_is_told_what_was_tried(door: Runner, checkout: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in ("sh", "dirname", "readlink", "head"):
        (programs / tool).symlink_to(f"/usr/bin/{tool}")
    script(programs / "python3", "echo is 3.9.2 >&2; exit 1")
    ran = door("sh", checkout / "script" / "env" / "python", "list", PINBENCH_PYTHON="", PATH=str(programs))
    assert ran.returncode == 1
    assert "needs Python 3.11 or later; tried: python3 (is 3.9.2);" in one_line(ran.stderr)


def test_an_unknown_level_is_bad_usage(door: Runner) -> None:
    ran = door(DOOR, "everything")
    assert ran.returncode == 2
    assert "everything" in ran.stderr
