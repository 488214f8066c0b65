"""Which Python runs the instances: an engine that wants another torch has an environment of its own."""

import sys
from pathlib import Path

from pinbench.harness.case.source import SOURCE_ROOT
from pinbench.harness.launch.process import run_tool

_LIMIT_S = 30.0


def interpreter_for(engine: str, root: Path = SOURCE_ROOT) -> str:
    """Return the interpreter of ``.venv-<engine>`` where that is complete, else the one that runs this.

    Whether it is complete is the environment scripts' to say. Where it is not, the engine itself refuses, with the
    way to make it.

    Raises:
        LaunchError: the scripts cannot be run.
    """
    if not (root / f".venv-{engine}").is_dir():
        return sys.executable
    # -E -s, as the door has them: PYTHONPATH must not decide what is found.
    main = root / "script" / "env" / "main.py"
    checked = run_tool([sys.executable, "-E", "-s", str(main), "--check", engine], timeout_s=_LIMIT_S)
    return checked.stdout.strip() if checked.returncode == 0 else sys.executable
