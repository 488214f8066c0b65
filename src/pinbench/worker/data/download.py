"""Fetches raw files, one after the other; a file gets its name when it is whole, with its digest beside it."""

import time
from collections.abc import Callable
from pathlib import Path

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import write_text
from pinbench.base.units import format_bytes
from pinbench.contract.data import Download, DownloadJob, KnownFile
from pinbench.worker.data.meter import Meter, to_stderr
from pinbench.worker.data.partial import Part, digest_of, open_part
from pinbench.worker.data.transfer import BrokenOffError, fetch_rest

_PAUSES_S = (1.0, 5.0, 25.0)  # before further attempts; one that brought bytes begins this list anew


def download(
    job: DownloadJob, say: Callable[[str], None] = to_stderr, pause: Callable[[float], None] = time.sleep
) -> None:
    """Fetch all files of `job`; those that are there already are compared with their digest.

    Raises:
        DataError: a host or the disk refuses, or a file is not what it should be; says what to do.
    """
    folder = Path(job.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror}") from error
    for file in job.files:
        if (folder / file.name).exists():
            _compare_existing(file, folder, say)
        else:
            _fetch(file, folder, say, pause)
    for known in job.known:
        _write(known, folder, say)


def _fetch(file: Download, folder: Path, say: Callable[[str], None], pause: Callable[[float], None]) -> None:
    with open_part(folder, file.name, file.url) as part:
        _complete(file, part, say, pause)
        digest = part.sha256()
        if file.sha256 is not None and digest != file.sha256:
            raise DataError(
                f"{file.url} has the sha256 {digest}, not {file.sha256}; it is kept as {part.set_aside()}: ask its "
                "publisher for the digest, or run the command again"
            )
        part.publish()
    verdict = "as given" if file.sha256 is not None else "not verified against a published digest"
    say(f"{folder / file.name}: {format_bytes(part.size_bytes)}, sha256 {digest}, {verdict}")


def _complete(file: Download, part: Part, say: Callable[[str], None], pause: Callable[[float], None]) -> None:
    """Bring `part` to its full size, in several attempts if the connection ends early."""
    failures = 0
    while True:
        begin_bytes = part.size_bytes
        try:
            fetch_rest(file, part, Meter(file.name))
        except BrokenOffError as broken:
            failures = 1 if part.size_bytes > begin_bytes else failures + 1
            if failures > len(_PAUSES_S):
                raise DataError(
                    f"{file.url}: {broken}; {format_bytes(part.size_bytes)} of it are kept, the same command goes on "
                    "from there"
                ) from broken
            say(f"{file.name}: {broken}; trying again")
            pause(_PAUSES_S[failures - 1])
        else:
            return


def _write(known: KnownFile, folder: Path, say: Callable[[str], None]) -> None:
    path = folder / known.name
    try:
        if path.exists() and path.read_text(encoding="utf-8") != known.text:
            raise DataError(f"{path} exists with another content; move it away to have it written")
        write_text(path, known.text)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}; move it away to have it written") from error
    except RecordError as error:
        raise DataError(str(error)) from error
    say(f"{path}: written here")


def _compare_existing(file: Download, folder: Path, say: Callable[[str], None]) -> None:
    path = folder / file.name
    wanted = file.sha256 or _written_digest(path)
    if wanted is None:
        raise DataError(
            f"{path} exists and nothing says whether it is whole; give its digest (--sha256, --checksums), or move it "
            "away to have it fetched"
        )
    digest = digest_of(path)
    if digest != wanted:
        raise DataError(f"{path} exists with the sha256 {digest}, not {wanted}; move it away to have it fetched")
    say(f"{path} is there already, sha256 {digest}")


def _written_digest(path: Path) -> str | None:
    """Return the digest that an earlier download wrote beside `path`."""
    beside = path.with_name(f"{path.name}.sha256")
    try:
        words = beside.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    return words[0] if words else None
