"""The memory allocators that a case may ask for, as files for LD_PRELOAD."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pinbench.base.errors import HostError, UsageError

# The C library's version numbers of the shared objects have stood for ten years; the unversioned names belong to
# development packages. tcmalloc's minimal build has no heap profiler and needs no libunwind.
_FILES = {
    "jemalloc": ("libjemalloc.so.2",),
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc.so.4"),
}
_PACKAGES = {
    "jemalloc": "Debian and Ubuntu: libjemalloc2; Fedora and openSUSE: jemalloc",
    "tcmalloc": "Debian and Ubuntu: libtcmalloc-minimal4; Fedora: gperftools-libs; openSUSE: libtcmalloc4",
}


def find_allocator(
    name: str, architecture: str, root: Path = Path("/"), extra: Sequence[Path] = (Path(sys.prefix) / "lib",)
) -> Path | None:
    """Return the shared object of the allocator `name`; None for "", the C library's own.

    Args:
        name: "", "jemalloc" or "tcmalloc".
        architecture: as `uname -m`; Debian's multiarch directories carry it.
        root: where the system's library directories lie.
        extra: directories that go before them; by default that of the virtual environment.

    Raises:
        UsageError: there is no allocator of that name.
        HostError: it is not installed; names the packages.
    """
    if not name:
        return None
    if name not in _FILES:
        raise UsageError(f"no allocator named {name!r}; there are: {', '.join(_FILES)}")
    directories = [*extra, *_system_directories(root, architecture)]
    found = (directory / file for directory in directories for file in _FILES[name])
    path = next((candidate for candidate in found if candidate.is_file()), None)
    if path is None:
        raise HostError(
            f"no {_FILES[name][0]} in {', '.join(map(str, directories))}; "
            f"install {name} ({_PACKAGES[name]}) or leave the allocator to the C library"
        )
    return path


def _system_directories(root: Path, architecture: str) -> Iterator[Path]:
    for prefix in ("usr/local", "usr", ""):
        yield root / prefix / f"lib/{architecture}-linux-gnu"
        yield root / prefix / "lib64"  # before lib, which holds the 32-bit libraries where there is a lib64
        yield root / prefix / "lib"
