"""``cmake_tool.py cmake|ctest``: prints the path of a version that is new enough.

From PATH, else from the package `cmake` in `.venv`. The minimum is 3.20 (2021): ``ctest --test-dir`` and
``cmake_path`` came with it (release notes), and it is the one that CMakeLists.txt declares.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import environment
import venv_state
from setup_error import SetupError

MINIMUM = (3, 20)


def version(said: str) -> tuple[int, int] | None:
    """Return major and minor of what ``cmake --version`` or ``ctest --version`` said."""
    match = re.match(r"(?:cmake|ctest)\d? version (\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else None


def on_path(tool: str, search: str) -> Path | None:
    """Return `tool` from the path list `search` if it is new enough."""
    found = shutil.which(tool, path=search)
    if found is None:
        return None
    # A shim of a removed package answers with an error: then there is no version, and the package is taken.
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    number = version(said)
    return Path(found) if number is not None and number >= MINIMUM else None


def find_or_install(tool: str) -> Path:
    """Return `tool`, installing the package `cmake` into `.venv` when PATH has none that is new enough.

    Raises:
        SetupError: the package cannot be installed.
    """
    found = on_path(tool, os.environ.get("PATH", os.defpath))
    if found is not None:
        return found
    users_own = os.environ.get("PINBENCH_PYTHON")
    if users_own:
        beside = on_path(tool, str(Path(users_own).parent))
        if beside is not None:
            return beside
    here = venv_state.of_this_checkout()
    if not here.is_ready("cmake"):
        environment.make_ready(here, "cmake")
    return here.folder / "bin" / tool


if __name__ == "__main__":
    try:
        print(find_or_install(sys.argv[1]))
    except SetupError as problem:
        print(f"pinbench: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("pinbench: interrupted; the next start goes on from here", file=sys.stderr)
        sys.exit(130)
