"""The library of our operators: built once for a compiler, a PyTorch and a source, and kept in the user's cache.

A folder a key holds the library and, written last, a manifest with its SHA-256. What is not as its manifest says is
built again. Builders take turns by a lock file and rename what they have finished: a reader sees all of it or nothing.
"""

import fcntl
import hashlib
import os
import platform
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from pinbench.base.errors import OperatorError, RecordError
from pinbench.base.jsonio import from_jsonable, read_json, write_json
from pinbench.worker.ops.compiler import SOURCES, Compiler, build, find_compiler, link_command, units
from pinbench.worker.ops.isa import Variant

NAMESPACE = "pinbench"
_KEY_DIGITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library that is as it was built. `build_s`: what that took now; None: it was there already."""

    path: Path
    build_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a library was built by, and its digest."""

    sha256: str
    compiler: str
    torch: str
    build_s: float


def provide(cache_dir: Path, variants: Sequence[Variant], cpus: Collection[int], namespace: str = NAMESPACE) -> Library:
    """Return the library from the cache, or build it there on `cpus`.

    Raises:
        OperatorError: there is no compiler, it complains, or the cache cannot be written.
    """
    compiler = find_compiler()
    folder = cache_dir / "operators" / cache_key(compiler, variants, namespace)
    try:
        if is_intact(folder):
            return Library(path=folder / "operators.so", build_s=None)
        with _turn(folder):
            if is_intact(folder):  # another process built it meanwhile
                return Library(path=folder / "operators.so", build_s=None)
            return _build_into(folder, compiler, variants, namespace, cpus)
    except (OSError, RecordError) as error:
        raise OperatorError(f"the cache {cache_dir} cannot be used: {error}") from error


def discard(library: Library) -> None:
    """Make the next call of `provide` build the library again."""
    library.path.with_name("manifest.json").unlink(missing_ok=True)


def cache_key(compiler: Compiler, variants: Sequence[Variant], namespace: str) -> str:
    """Return a name that changes with all that the library depends on."""
    digest = hashlib.sha256()
    commands = [unit.command for unit in units(compiler.path, Path(), variants, namespace)]
    words = [platform.machine(), torch.__version__, compiler.version, str(link_command(compiler.path, (), Path()))]
    for text in (*words, *map(str, commands)):
        digest.update(text.encode() + b"\0")
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:_KEY_DIGITS]


def is_intact(folder: Path) -> bool:
    """Return whether the folder's library is there and has the digest of its manifest."""
    try:
        manifest = from_jsonable(Manifest, read_json(folder / "manifest.json"))
        return _sha256(folder / "operators.so") == manifest.sha256
    except (FileNotFoundError, RecordError):
        return False


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait until no other process builds this folder; the lock file stays, so that all lock the same one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _build_into(
    folder: Path, compiler: Compiler, variants: Sequence[Variant], namespace: str, cpus: Collection[int]
) -> Library:
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder, prefix="build-") as temporary:
        built = build(compiler, Path(temporary), variants, namespace, cpus)
        build_s = time.monotonic() - begin
        digest = _sha256(built)
        os.replace(built, folder / "operators.so")
    manifest = Manifest(sha256=digest, compiler=compiler.version, torch=torch.__version__, build_s=build_s)
    write_json(folder / "manifest.json", manifest)
    return Library(path=folder / "operators.so", build_s=build_s)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
