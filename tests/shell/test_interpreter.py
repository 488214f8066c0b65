import subprocess
import sys
from pathlib import Path

import interpreter


def python(folder: Path, name: str, code: int) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_the_first_interpreter_that_has_yaml_is_taken(tmp_path: Path) -> None:
    python(tmp_path / "a", "python3", 1)
    python(tmp_path / "a", "python3.12", 0)
    wanted = python(tmp_path / "b", "python3", 0)
    assert interpreter.with_yaml([str(tmp_path / "a"), str(tmp_path / "b")]) == wanted


def test_none_is_found_where_none_has_yaml(tmp_path: Path) -> None:
    python(tmp_path / "a", "python3", 1)
    assert interpreter.with_yaml([str(tmp_path / "a"), str(tmp_path / "absent")]) is None


def test_a_look_at_a_ready_environment_does_not_load_what_it_has_no_use_for() -> None:
    code = "import main, sys; print({'importlib.metadata', 'email', 'environment'} & set(sys.modules))"
    command = [sys.executable, "-E", "-s", "-S", "-c", code]
    ran = subprocess.run(command, cwd=Path(interpreter.__file__).parent, capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_packages_that_are_not_installed_are_named() -> None:
    assert interpreter.missing(["pytest", "no-such-package-anywhere"]) == ("no-such-package-anywhere",)
