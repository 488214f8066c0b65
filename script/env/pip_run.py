"""Runs pip: quiet, kept in a log file, its last lines shown when it fails."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from setup_error import SetupError

_LAST_LINES = 12
# pip says this before it touches site-packages; a run that ended earlier changed nothing.
_CHANGES_BEGIN = "Installing collected packages:"


def run_pip(command: Sequence[str], words: Sequence[str], log: Path) -> None:
    """Run `command` (an interpreter with pip, e.g. ``[python, "-m", "pip"]``) with `words`.

    Raises:
        SetupError: pip failed; its last lines are on stderr, all of it in `log`.
    """
    with log.open("a", encoding="utf-8") as file:
        file.write(f"\n$ pip {words[0]} ...\n")
        file.flush()
        begin = file.tell()
        ended = subprocess.run([*command, *words], stdout=file, stderr=file, env=pip_environment(), check=False)
    if ended.returncode != 0:
        print(*_said(log, begin).splitlines()[-_LAST_LINES:], sep="\n", file=sys.stderr)
        raise SetupError(
            f"pip {words[0]} failed (exit code {ended.returncode}); all that it said is in {log}; where packages come "
            "from is pip's own configuration (PIP_INDEX_URL, PIP_CERT, https_proxy, pip.conf)"
        )


def has_begun_changes(log: Path, since: int) -> bool:
    """Return whether a pip run that wrote to `log` from offset `since` on came to change installed packages."""
    return _CHANGES_BEGIN in _said(log, since)


def pip_environment() -> dict[str, str]:
    """Return the environment for pip: the user's, with pip's own settings, less what would install elsewhere."""
    elsewhere = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return kept | {
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_PROGRESS_BAR": "off",
    }


def _said(log: Path, since: int) -> str:
    return log.read_bytes()[since:].decode(errors="replace")
