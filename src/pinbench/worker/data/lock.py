"""A lock file that its holder may remove: so that one job at a time works in a folder (flock(2))."""

import fcntl
import os
from pathlib import Path

from pinbench.base.errors import DataError


def take_lock(path: Path, busy: str) -> int:
    """Return a handle that holds `path` locked until it is closed or the process ends; makes what is missing of it.

    Raises:
        DataError: another process holds it; says `busy`.
        OSError: it cannot be made.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise DataError(busy) from error
        # The job that held it may have removed it since.
        if path.exists() and os.path.samestat(path.stat(), os.fstat(handle)):
            return handle
        os.close(handle)
