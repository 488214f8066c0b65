"""Files that are compiled once on a host and found by every later start: by their key, whole, and made by one process.

A folder for each key holds ``lock``, the file, and ``manifest.json``, written last, with the file's digest.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import ModelError, RecordError
from pinbench.base.jsonio import from_jsonable, read_json, write_json

_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file that is whole, and what making it took; `reused` when that was not now and not here."""

    path: Path
    make_s: float
    reused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    sha256: str
    make_s: float


def key_of(parts: Iterable[str | bytes]) -> str:
    """Return a name that changes when any of `parts`, or their order, does."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return whole.hexdigest()[:32]


def find_or_make(folder: Path, name: str, make: Callable[[Path], None]) -> Artefact:
    """Return the file `name` of `folder`; where it is absent or damaged, `make` writes it to the path that it is given.

    Of several processes one makes it, and the others wait for that.

    Raises:
        ModelError: the folder cannot be written to.
    """
    found = find(folder, name)
    if found is not None:
        return found
    try:
        with _lock(folder):
            return find(folder, name) or _make(folder / name, make)
    except (OSError, RecordError) as error:
        raise ModelError(
            f"cannot keep what is compiled in {folder}: {error}; let XDG_CACHE_HOME name a folder that can be written"
        ) from error


def discard(path: Path) -> None:
    """Make the next call of `find_or_make` make the file `path` again."""
    path.with_name(_MANIFEST).unlink(missing_ok=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # what lies in it is run
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the process, however that ends
        yield


def find(folder: Path, name: str) -> Artefact | None:
    """Return the file `name` of `folder`, None where it is absent or damaged; nothing is written."""
    path = folder / name
    try:
        manifest = from_jsonable(_Manifest, read_json(path.with_name(_MANIFEST)))
        whole = _digest(path) == manifest.sha256
    except (OSError, RecordError):
        return None
    return Artefact(path=path, make_s=manifest.make_s, reused=True) if whole else None


def _make(path: Path, make: Callable[[Path], None]) -> Artefact:
    begin = time.monotonic()
    # The suffix stays: there are makers that judge a path by it.
    temporary = path.with_name(f"{path.stem}.{os.getpid()}{path.suffix}")
    try:
        make(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        manifest = _Manifest(sha256=_digest(temporary), make_s=time.monotonic() - begin)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    write_json(path.with_name(_MANIFEST), manifest)
    return Artefact(path=path, make_s=manifest.make_s, reused=False)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
