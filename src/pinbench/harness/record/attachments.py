"""Files of the user's that every log directory of a run gets a copy of: notes, a kernel's settings, a work order."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import RecordError, UsageError
from pinbench.harness.record.bundle import NAME as BUNDLE
from pinbench.harness.record.discover import CONFIG

_OURS = {CONFIG, BUNDLE, ".run", "test-config.yaml", "kpi.sh", "git-history"}
_ITERATION = "itr-"


def require_attachable(path: Path, others: Sequence[Path]) -> None:
    """Return if a log directory can have a copy of `path` beside its own files and `others`.

    Raises:
        UsageError: the name is taken.
    """
    if path.name in _OURS or path.name.startswith(_ITERATION):
        raise UsageError(f"--attach {path}: a log directory has a {path.name} of its own; rename the file")
    same = next((other for other in others if other.name == path.name), None)
    if same is not None:
        raise UsageError(f"--attach {path}: {same} has the same name, and one would replace the other")


def attach(paths: Sequence[Path], log_directory: Path) -> None:
    """Copy `paths` into `log_directory`.

    Raises:
        RecordError: a file cannot be read or written.
    """
    for path in paths:
        try:
            shutil.copy2(path, log_directory / path.name)
        except OSError as error:
            raise RecordError(f"cannot attach {path} to {log_directory}: {error.strerror}") from error
