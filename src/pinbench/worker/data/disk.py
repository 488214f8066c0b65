"""What this process has fetched from a disk, by the kernel's own account (proc(5), /proc/PID/io)."""

import re
from pathlib import Path

_SELF = Path("/proc/self/io")


def disk_read_bytes(path: Path = _SELF) -> int | None:
    """Return the bytes that a block device or a network file system brought for this process so far.

    Faults of mapped files and the read-ahead that they set off count, what the page cache had does not. None where the
    kernel keeps no such account.
    """
    try:
        match = re.search(r"^read_bytes: (\d+)$", path.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if match is None else int(match[1])
