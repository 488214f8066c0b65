import os
import sys
from pathlib import Path

import pytest

from pinbench.harness.launch.interpreter import interpreter_for

CHECK = """
import sys
print({python!r})
sys.exit(0 if sys.argv[1:] == ["--check", "ipex"] else 3)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose script says that only the environment of ipex is complete."""
    script = tmp_path / "script" / "env" / "main.py"
    script.parent.mkdir(parents=True)
    script.write_text(CHECK.format(python=str(tmp_path / ".venv-ipex" / "bin" / "python")))
    return tmp_path


def test_an_engine_without_an_environment_of_its_own_runs_in_ours(checkout):
    assert interpreter_for("eager", checkout) == sys.executable
    assert interpreter_for("ipex", checkout) == sys.executable


def test_an_engine_with_one_runs_there(checkout):
    (checkout / ".venv-ipex").mkdir()
    assert interpreter_for("ipex", checkout) == os.fspath(checkout / ".venv-ipex" / "bin" / "python")


def test_one_that_is_not_complete_is_passed_over(checkout):
    (checkout / ".venv-zentorch").mkdir()
    assert interpreter_for("zentorch", checkout) == sys.executable
