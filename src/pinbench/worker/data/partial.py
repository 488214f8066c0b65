"""A file that is not whole yet: under a temporary name, locked, with its digest taken as it grows.

Beside it stands what it is a part of: its address, the server's validator and the full size, so that a later process
may go on, and only with the same file.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import from_jsonable, read_json, write_json, write_text
from pinbench.base.units import MIB

_BLOCK_BYTES = MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a part is a part of."""

    url: str
    validator: str | None  # for If-Range; None: a part of it cannot be gone on with
    total_bytes: int | None  # None: the server does not say


class Part:
    """The bytes that are there, at the end of which others are appended."""

    def __init__(self, folder: Path, name: str, file: FileIO):
        self._whole = folder / name
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self.origin: Origin | None = None

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._whole.parent

    def take_up(self, url: str) -> None:
        """Go on with what an earlier process left, if that came from `url`; otherwise begin."""
        origin = _read_origin(self._origin_file)
        if origin is None or origin.url != url or origin.validator is None:
            self.begin(None)
            return
        self.origin = origin
        self._file.seek(0)
        while block := self._file.read(_BLOCK_BYTES):
            self._digest.update(block)
            self.size_bytes += len(block)

    def begin(self, origin: Origin | None) -> None:
        """Drop all bytes; what comes now is of `origin`.

        Raises:
            DataError: the file system refuses.
        """
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self.origin = origin
        self._origin_file.unlink(missing_ok=True)
        if origin is not None:
            try:
                write_json(self._origin_file, origin)
            except RecordError as error:
                raise DataError(str(error)) from error

    def append(self, block: bytes) -> None:
        """Append `block`.

        Raises:
            DataError: the disk is full, or another fault of the file system.
        """
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._file.truncate(self.size_bytes)  # what is left of the block has no digest yet
            raise DataError(
                f"cannot write {self._whole}: {error.strerror}; what came so far is kept: make room and run the "
                "command again"
            ) from error
        self._digest.update(block)
        self.size_bytes += len(block)

    def sha256(self) -> str:
        """Return the digest of all bytes."""
        return self._digest.hexdigest()

    def publish(self) -> None:
        """Give the file its name, and its digest a file beside it, as sha256sum writes it.

        Raises:
            DataError: the file system refuses.
        """
        try:
            os.fsync(self._file.fileno())
            # The digest first: where the file has its name, something says that it is whole.
            write_text(self._beside("sha256"), f"{self.sha256()}  {self._whole.name}\n")
            self._rename(self._whole)
        except OSError as error:
            raise DataError(f"cannot write {self._whole}: {error.strerror}") from error
        except RecordError as error:
            raise DataError(str(error)) from error

    def set_aside(self) -> Path:
        """Give the file, which is whole but not the right one, a name that says so; return that."""
        bad = self._beside("bad")
        self._rename(bad)
        return bad

    def _rename(self, path: Path) -> None:
        os.replace(part_file(self.folder, self._whole.name), path)
        self._origin_file.unlink(missing_ok=True)

    @property
    def _origin_file(self) -> Path:
        return self._whole.with_name(f".{self._whole.name}.origin.json")

    def _beside(self, ending: str) -> Path:
        return self._whole.with_name(f"{self._whole.name}.{ending}")


@contextlib.contextmanager
def open_part(folder: Path, name: str, url: str) -> Iterator[Part]:
    """Yield the part of the file `name` in `folder`, with the bytes of `url` that are there already.

    Raises:
        DataError: another process has it, or the file system refuses.
    """
    path = part_file(folder, name)
    try:
        # No buffer: one that could not be written to a full disk would fail once more when it is closed.
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(f"another process is fetching {folder / name}; wait until it has ended") from error
        part = Part(folder, name, file)
        part.take_up(url)
        yield part


def part_file(folder: Path, name: str) -> Path:
    """Return where the part of the file `name` lies."""
    return folder / f".{name}.part"


def digest_of(path: Path) -> str:
    """Return the sha256 of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _read_origin(file: Path) -> Origin | None:
    try:
        return from_jsonable(Origin, read_json(file), file.name)
    except RecordError:
        return None  # absent, or cut off: then the file is fetched from its beginning
