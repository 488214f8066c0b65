"""The words of the ``pinbench data`` commands that fetch: addresses, and files of digests."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pinbench.base.errors import UsageError

_CHECKSUM_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)", re.ASCII)  # what sha256sum writes


def require_http(url: str) -> None:
    """Check that `url` is one of a web server.

    Raises:
        UsageError: it is not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--url must begin with https:// or http:// and a host, got {url!r}")


def read_checksums(file: Path) -> dict[str, str]:
    """Return the digests of a file by name.

    Raises:
        UsageError: it cannot be read, or a line is none that sha256sum writes.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--checksums {file} cannot be read: {error}") from error
    digests = {}
    for number, line in enumerate(lines, 1):
        match = _CHECKSUM_LINE.fullmatch(line)
        if match is None:
            raise UsageError(f"--checksums {file}, line {number}: not a digest, two blanks and a name: {line!r}")
        digests[Path(match[2]).name] = match[1].lower()
    return digests
