"""The library of our operators: built once for a compiler, a PyTorch and a source, and kept in the user's cache."""

import os
import platform
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from pinbench.base.errors import ModelError, OperatorError
from pinbench.worker import artefact
from pinbench.worker.ops.compiler import SOURCES, Compiler, build, find_compiler, link_command, units
from pinbench.worker.ops.isa import Variant

NAMESPACE = "pinbench"
FILE = "operators.so"


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library that is as it was built. `build_s`: what that took now; None: it was there already."""

    path: Path
    build_s: float | None


def provide(cache_dir: Path, variants: Sequence[Variant], cpus: Collection[int], namespace: str = NAMESPACE) -> Library:
    """Return the library from the cache, or build it there on `cpus`.

    Raises:
        OperatorError: there is no compiler, it complains, or the cache cannot be written.
    """
    compiler = find_compiler()

    def make(path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as temporary:
            os.replace(build(compiler, Path(temporary), variants, namespace, cpus), path)

    try:
        folder = cache_dir / "operators" / cache_key(compiler, variants, namespace)
        found = artefact.find_or_make(folder, FILE, make)
    except ModelError as error:
        raise OperatorError(f"the cache {cache_dir} cannot be used: {error}") from error
    return Library(path=found.path, build_s=None if found.reused else found.make_s)


def discard(library: Library) -> None:
    """Make the next call of `provide` build the library again."""
    artefact.discard(library.path)


def cache_key(compiler: Compiler, variants: Sequence[Variant], namespace: str) -> str:
    """Return a name that changes with all that the library depends on."""
    commands = [unit.command for unit in units(compiler.path, Path(), variants, namespace)]
    words = [compiler.version, str(link_command(compiler.path, (), Path())), *map(str, commands)]
    return artefact.key_of([*system_parts(), *words])


def system_parts() -> list[str | bytes]:
    """Return what the library depends on whoever compiles it: the architecture, PyTorch, and the sources."""
    sources = [part for path in sorted(SOURCES.iterdir()) for part in (path.name, path.read_bytes())]
    return [platform.machine(), torch.__version__, *sources]
