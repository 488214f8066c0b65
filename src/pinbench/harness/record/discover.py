"""Finds iterations in log directories, wherever those have been moved or copied to."""

import os
import re
from pathlib import Path

from pinbench.base.errors import RecordError

_ITERATION = re.compile(r"itr-([0-9]+)")

RECORD = "record.json"
CONFIG = "workload-config.yaml"
WORKER = "worker-0-c0"


def is_log_directory(path: Path) -> bool:
    """Return whether `path` holds a run: its configuration or an iteration."""
    return (path / CONFIG).is_file() or bool(iterations(path))


def is_iteration(path: Path) -> bool:
    """Return whether `path` holds one iteration of a run."""
    return (path / RECORD).is_file() or _ITERATION.fullmatch(path.resolve().name) is not None


def iterations(log_directory: Path) -> tuple[Path, ...]:
    """Return the iterations in a log directory, in the order of their numbers.

    Raises:
        RecordError: the directory cannot be read.
    """
    try:
        children = list(log_directory.iterdir())
    except OSError as error:
        raise RecordError(f"cannot read {log_directory}: {error.strerror}") from error
    numbered = [
        (int(match[1]), child)
        for child in children
        if (match := _ITERATION.fullmatch(child.name)) is not None and child.is_dir()
    ]
    return tuple(child for _, child in sorted(numbered))


def log_directories(root: Path) -> tuple[Path, ...]:
    """Return the log directories at and below `root`, by name; does not follow symbolic links."""
    found = []
    for directory, children, _ in os.walk(root):
        path = Path(directory)
        if is_log_directory(path):
            found.append(path)
            children.clear()
        children.sort()
    return tuple(found)
