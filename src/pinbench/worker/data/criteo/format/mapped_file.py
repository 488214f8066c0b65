"""A prepared file, mapped, whose bytes are compared with the manifest the first time that they are read."""

from collections.abc import Iterable, Set
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFile, DataManifest
from pinbench.worker.data.criteo.manifest import entry_of, verify_chunk, verify_size


class MappedFile:
    """The file `name` below `directory`; without a manifest its bytes are taken as they are."""

    def __init__(self, directory: Path, name: str, manifest: DataManifest | None):
        """Map it.

        Raises:
            DataError: it is missing, empty, or not what the manifest says.
        """
        self.path = directory / name
        self._entry = None if manifest is None else entry_of(manifest, name)
        self._chunk_bytes = 0 if manifest is None else manifest.chunk_bytes
        self._verified: set[int] = set()
        self._bytes = _map(self.path)
        if self._entry is not None:
            verify_size(self.path, self._entry)

    @property
    def size_bytes(self) -> int:
        """Its size."""
        return len(self._bytes)

    @property
    def sha256(self) -> str | None:
        """What the manifest says of it."""
        return None if self._entry is None else self._entry.sha256

    @property
    def unverified(self) -> npt.NDArray[np.uint8]:
        """Its bytes, as they are: to look here and there whether they can be what they should."""
        return self._bytes

    @property
    def verified(self) -> Set[int]:
        """Its chunks that have been compared with the manifest."""
        return self._verified

    def read(self, begin: int, end: int) -> npt.NDArray[np.uint8]:
        """Return the bytes from `begin` to before `end`, not copied.

        Raises:
            DataError: they are not those that were written.
        """
        if self._entry is not None and begin < end:
            self._verify(self._entry, range(begin // self._chunk_bytes, -(-end // self._chunk_bytes)))
        return self._bytes[begin:end]

    def _verify(self, entry: DataFile, chunks: range) -> None:
        for index in chunks:
            if index not in self._verified:
                chunk = self._bytes[index * self._chunk_bytes : (index + 1) * self._chunk_bytes]
                verify_chunk(self.path, entry, index * self._chunk_bytes, index, chunk.data)
                self._verified.add(index)


def verified_chunks(files: Iterable[MappedFile]) -> dict[Path, Set[int]]:
    """Return of each file the chunks that have been compared with the manifest."""
    return {file.path: file.verified for file in files}


def _map(path: Path) -> npt.NDArray[np.uint8]:
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty; prepare the data again")
        return np.asarray(np.memmap(path, np.uint8, mode="r"))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; copy it from where the data were prepared") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
