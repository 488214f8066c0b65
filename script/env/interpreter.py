"""Interpreters that exist already: which packages they lack, and which of them can list cases."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

NAMES = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")

_PROBE = "import sys, yaml; sys.exit(sys.version_info < (3, 11))"


def missing(packages: Iterable[str]) -> tuple[str, ...]:
    """Return those of `packages` that the running interpreter has not installed."""
    return tuple(name for name in packages if not _is_installed(name))


def with_yaml(search: Sequence[str]) -> Path | None:
    """Return the first Python >= 3.11 in the folders `search` that imports yaml, None when there is none."""
    for candidate in _candidates(search):
        # A shim without a version behind it, or a Python without yaml, says so and is passed over.
        probe = subprocess.run([candidate, "-E", "-s", "-c", _PROBE], capture_output=True, check=False)
        if probe.returncode == 0:
            return candidate
    return None


def _is_installed(package: str) -> bool:
    import importlib.metadata  # only now: half of the start of a look at a ready `.venv`, which asks for no package

    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _candidates(search: Sequence[str]) -> Iterator[Path]:
    seen = set()
    for name in NAMES:
        for folder in search:
            path = Path(folder, name)
            if os.access(path, os.X_OK) and path.resolve() not in seen:
                seen.add(path.resolve())
                yield path
