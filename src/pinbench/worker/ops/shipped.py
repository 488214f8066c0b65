"""The library of our operators that came with the package: compiled where an image was built.

A system without a compiler takes it from the package's own folder `FOLDER`, which a checkout does not have. It is
found by all that it depends on but the compiler: one of other sources, or for another PyTorch, is not there at all.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pinbench.worker import artefact
from pinbench.worker.ops.compiler import build, find_compiler
from pinbench.worker.ops.isa import Variant
from pinbench.worker.ops.library import FILE, NAMESPACE, Library, system_parts

FOLDER = Path(__file__).parent / "built"


def find_shipped(sets: Sequence[Variant], namespace: str = NAMESPACE, folder: Path = FOLDER) -> Library | None:
    """Return the library for these sets of instructions that came with the package, None where there is none."""
    found = artefact.find(folder / shipped_key(sets, namespace), FILE)
    return None if found is None else Library(path=found.path, build_s=None)


def ship(folder: Path, sets: Sequence[Variant], namespace: str = NAMESPACE) -> Path:
    """Build the library on all CPUs, to be found by `find_shipped` in `folder`; return its path.

    Raises:
        OperatorError: there is no compiler, it complains.
        ModelError: `folder` cannot be written to.
    """
    compiler, cpus = find_compiler(), os.sched_getaffinity(0)

    def make(path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as temporary:
            os.replace(build(compiler, Path(temporary), sets, namespace, cpus), path)

    path = artefact.find_or_make(folder / shipped_key(sets, namespace), FILE, make).path
    # Written for whoever made it; read by whatever user a container runs as.
    path.parent.chmod(0o755)
    path.with_name("lock").unlink()
    for file in path.parent.iterdir():
        file.chmod(0o755 if file == path else 0o644)
    return path


def shipped_key(sets: Sequence[Variant], namespace: str) -> str:
    """Return a name that changes with the architecture, PyTorch, the sources, and what they are compiled for."""
    return artefact.key_of([*system_parts(), namespace, *(f"{one.name} {one.options}" for one in sets)])
