"""The files of a manifest, compared with what lies in its directory."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pinbench.contract.data import MANIFEST_FILE, DataFile, DataManifest
from pinbench.worker.data.criteo.description import FileDescription, FileState

_NOT_READ = "size is right; --verify reads it"


def check_files(
    directory: Path, manifest: DataManifest, verified: Mapping[Path, Set[int]] | None
) -> Iterator[FileDescription]:
    """Yield what became of each file that `manifest` lists: its size, and all of its bytes but for `verified` chunks.

    None: no byte is read.
    """
    for entry in manifest.files:
        path = directory / entry.name
        yield _check(path, entry, manifest.chunk_bytes, None if verified is None else verified.get(path, frozenset()))


def unlisted_files(directory: Path) -> Iterator[FileDescription]:
    """Yield the files below `directory`, where no manifest lists them."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts):
            size_bytes = path.stat().st_size
            yield FileDescription(
                name=str(path.relative_to(directory)), size_bytes=size_bytes, state=FileState.UNCHECKED,
                detail="no digest",
            )  # fmt: skip


def _check(path: Path, entry: DataFile, chunk_bytes: int, verified: Set[int] | None) -> FileDescription:
    def found(state: FileState, detail: str, size_bytes: int | None) -> FileDescription:
        return FileDescription(name=entry.name, size_bytes=size_bytes, state=state, detail=detail)

    try:
        size_bytes = path.stat().st_size
        if size_bytes != entry.size_bytes:
            return found(FileState.BAD, f"{entry.size_bytes} bytes were written", size_bytes)
        if verified is None:
            return found(FileState.UNCHECKED, _NOT_READ, size_bytes)
        fault = _first_fault(path, entry, chunk_bytes, verified)
    except FileNotFoundError:
        return found(FileState.BAD, "is missing", None)
    except OSError as error:
        return found(FileState.BAD, f"cannot be read: {error.strerror}", None)
    return found(FileState.GOOD if fault is None else FileState.BAD, fault or "", size_bytes)


def _first_fault(path: Path, entry: DataFile, chunk_bytes: int, verified: Set[int]) -> str | None:
    begins = range(0, entry.size_bytes, chunk_bytes)
    if len(begins) != len(entry.chunk_sha256):
        return f"has {len(begins)} chunks, {MANIFEST_FILE} lists {len(entry.chunk_sha256)}"
    whole = hashlib.sha256()
    with path.open("rb") as file, ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:

        def digest(begin: int, expected: str) -> str:
            if begin // chunk_bytes in verified:
                return expected
            return hashlib.sha256(os.pread(file.fileno(), chunk_bytes, begin)).hexdigest()

        digests = pool.map(digest, begins, entry.chunk_sha256)
        for begin, found, expected in zip(begins, digests, entry.chunk_sha256, strict=True):
            if found != expected:
                pool.shutdown(cancel_futures=True)
                return f"is damaged within bytes {begin} to {min(begin + chunk_bytes, entry.size_bytes)}"
            whole.update(bytes.fromhex(found))
    return None if whole.hexdigest() == entry.sha256 else f"has chunks whose common sha256 is not in {MANIFEST_FILE}"
