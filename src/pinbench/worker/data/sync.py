"""When a file or a folder is on the disk and not only in the kernel's memory (fsync(2))."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return when the file or folder `path` is on the disk; of a folder, that is which names it has.

    Raises:
        OSError: it does not get there.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
