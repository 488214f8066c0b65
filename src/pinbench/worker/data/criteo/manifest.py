"""What prepare wrote, with digests, so that a reader can tell what it reads is what was written.

A test split of the full data set is 14 GB and a train split 671 GB: too much to digest on each run, and a stamp
"verified once" cannot be kept in a read-only directory and misses what rots later. So each file has a digest of its
whole (to name it, and for `sha256sum`) and one of each chunk; a reader verifies those chunks that it reads, always.
"""

import hashlib
from pathlib import Path

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.data import MANIFEST_FILE, MANIFEST_SCHEMA, DataFile, DataManifest
from pinbench.worker.data.criteo.schema import ROW_BYTES

CHUNK_ROWS = 1 << 16
CHUNK_BYTES = CHUNK_ROWS * ROW_BYTES  # 10 MiB: 5 ms to digest, 64,000 chunks in the largest file


def describe_file(path: Path, rows: int | None = None) -> DataFile:
    """Return size and digests of `path`; digests of chunks only where there are `rows`.

    Raises:
        DataError: the file cannot be read.
    """
    whole, chunks, size_bytes = hashlib.sha256(), [], 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                whole.update(chunk)
                chunks.append(hashlib.sha256(chunk).hexdigest())
                size_bytes += len(chunk)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    return DataFile(
        name=path.name,
        size_bytes=size_bytes,
        sha256=whole.hexdigest(),
        rows=rows,
        chunk_sha256=() if rows is None else tuple(chunks),
    )


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


def entry_of(manifest: DataManifest, path: Path) -> DataFile:
    """Return what `manifest` says of `path`.

    Raises:
        DataError: it says nothing of it, or digests other chunks than these.
    """
    entry = next((file for file in manifest.files if file.name == path.name), None)
    if entry is None:
        raise DataError(f"{path} is not in the {MANIFEST_FILE} beside it; remove it or prepare the data again")
    chunks = 0 if entry.rows is None else -(-entry.size_bytes // CHUNK_BYTES)
    if manifest.chunk_bytes != CHUNK_BYTES or len(entry.chunk_sha256) != chunks:
        raise DataError(f"{path.parent / MANIFEST_FILE} is damaged: the chunks of {path.name}; prepare the data again")
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


def verify_small(path: Path, entry: DataFile) -> None:
    """Compare the whole of `path`, a small file, with what was written.

    Raises:
        DataError: they differ.
    """
    verify_size(path, entry)
    if describe_file(path).sha256 != entry.sha256:
        raise DataError(f"{path} is not the file that was written (its sha256 is not that of {MANIFEST_FILE})")


def verify_chunk(path: Path, entry: DataFile, index: int, chunk: bytes | memoryview) -> None:
    """Compare `chunk`, number `index` of `path`, with what was written.

    Raises:
        DataError: they differ.
    """
    if hashlib.sha256(chunk).hexdigest() != entry.chunk_sha256[index]:
        begin = index * CHUNK_BYTES
        raise DataError(
            f"{path} is damaged within bytes {begin} to {begin + len(chunk)} (their sha256 is not that of "
            f"{MANIFEST_FILE}); copy it again"
        )
