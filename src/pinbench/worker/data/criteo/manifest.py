"""What prepare wrote, with digests, so that a reader can tell what it reads is what was written.

A test split of the full data set is 14 GB and a train split 671 GB: too much to digest on each run, and a stamp
"verified once" cannot be kept in a read-only directory and misses what rots later. So each chunk of a file has a
digest, and a reader verifies those chunks that it reads, always. The digest of the whole file is that of its chunks'
digests: thus threads share even a single large file.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.base.units import MIB
from pinbench.contract.data import MANIFEST_FILE, MANIFEST_SCHEMA, DataFile, DataManifest
from pinbench.worker.data.criteo.crew import Stop, run_all

CHUNK_BYTES = 10 * MIB  # 5 ms to digest, 64,000 chunks in the largest file

_SPAN_CHUNKS = 16  # of one file that one thread digests in one go


class _Span(NamedTuple):
    path: Path
    first_chunk: int
    end_bytes: int


def describe_files(
    folder: Path, files: Sequence[tuple[Path, int | None]], threads: int, chunk_bytes: int = CHUNK_BYTES
) -> tuple[DataFile, ...]:
    """Return sizes and digests of `files`, given relative to `folder`, each with its rows.

    Raises:
        DataError: one cannot be read.
    """
    spans = [span for name, _ in files for span in _spans(folder / name, chunk_bytes)]
    digests = run_all([partial(_digests, span, chunk_bytes) for span in spans], threads, Stop())
    chunks: dict[Path, list[bytes]] = {folder / name: [] for name, _ in files}
    for span, of_span in zip(spans, digests, strict=True):
        chunks[span.path] += of_span
    return tuple(
        DataFile(
            name=name.as_posix(),
            size_bytes=_size(folder / name),
            sha256=_of_chunks(chunks[folder / name]),
            chunk_sha256=tuple(digest.hex() for digest in chunks[folder / name]),
            rows=rows,
        )
        for name, rows in files
    )


def _spans(path: Path, chunk_bytes: int) -> list[_Span]:
    size_bytes = _size(path)
    step = _SPAN_CHUNKS * chunk_bytes
    return [_Span(path, begin // chunk_bytes, min(begin + step, size_bytes)) for begin in range(0, size_bytes, step)]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _digests(span: _Span, chunk_bytes: int) -> list[bytes]:
    try:
        with span.path.open("rb", buffering=0) as file:
            begins = range(span.first_chunk * chunk_bytes, span.end_bytes, chunk_bytes)
            chunks = (_read(file.fileno(), begin, min(chunk_bytes, span.end_bytes - begin)) for begin in begins)
            return [hashlib.sha256(chunk).digest() for chunk in chunks]
    except OSError as error:
        raise DataError(f"cannot read {span.path}: {error.strerror}") from error


def _read(handle: int, begin: int, size_bytes: int) -> bytes:
    content = os.pread(handle, size_bytes, begin)
    if len(content) != size_bytes:
        raise OSError(0, "it became shorter meanwhile")
    return content


def _of_chunks(digests: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()


def read_manifest(directory: Path) -> DataManifest | None:
    """Return the manifest of `directory`, or None: the reference and others write none.

    Raises:
        DataError: it is damaged, or of a later format.
    """
    path = directory / MANIFEST_FILE
    if not path.exists():
        return None
    try:
        content = read_json(path)
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != MANIFEST_SCHEMA:
            raise DataError(
                f"{path} has format {schema}, this pinbench reads {MANIFEST_SCHEMA}; prepare the data again"
            )
        return from_jsonable(DataManifest, content, str(path))
    except RecordError as error:
        raise DataError(f"{error}; prepare the data again") from error


def entry_of(manifest: DataManifest, name: str) -> DataFile:
    """Return what `manifest` says of the file `name`, with slashes below the folder of the manifest.

    Raises:
        DataError: it says nothing of it, or its digests do not fit its size.
    """
    entry = next((file for file in manifest.files if file.name == name), None)
    if entry is None:
        raise DataError(f"{name} is not in the {MANIFEST_FILE} beside it; remove it or prepare the data again")
    digests = [bytes.fromhex(digest) for digest in entry.chunk_sha256]
    if len(digests) != -(-entry.size_bytes // manifest.chunk_bytes) or _of_chunks(digests) != entry.sha256:
        raise DataError(f"the {MANIFEST_FILE} is damaged: the chunks of {name}; prepare the data again")
    return entry


def verify_size(path: Path, entry: DataFile) -> None:
    """Compare the size of `path` with what was written.

    Raises:
        DataError: they differ.
    """
    size_bytes = path.stat().st_size
    if size_bytes != entry.size_bytes:
        raise DataError(
            f"{path} has {size_bytes} bytes, but {entry.size_bytes} were written (see {MANIFEST_FILE}); copy it again"
        )


def verify_small(path: Path, manifest: DataManifest, entry: DataFile) -> None:
    """Compare the whole of `path`, a small file, with what was written.

    Raises:
        DataError: they differ.
    """
    verify_size(path, entry)
    (found,) = describe_files(path.parent, [(Path(path.name), None)], 1, manifest.chunk_bytes)
    if found.sha256 != entry.sha256:
        raise DataError(f"{path} is not the file that was written (its sha256 is not that of {MANIFEST_FILE})")


def verify_chunk(path: Path, entry: DataFile, begin_bytes: int, index: int, chunk: bytes | memoryview) -> None:
    """Compare `chunk`, number `index` of `path`, which begins at `begin_bytes`, with what was written.

    Raises:
        DataError: they differ.
    """
    if hashlib.sha256(chunk).hexdigest() != entry.chunk_sha256[index]:
        raise DataError(
            f"{path} is damaged within bytes {begin_bytes} to {begin_bytes + len(chunk)} (their sha256 is not that of "
            f"{MANIFEST_FILE}); copy it again"
        )
