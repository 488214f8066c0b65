"""Raw Criteo files, plain or gzip, read block by block with every fault named by file and line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pinbench.base.errors import DataError
from pinbench.base.units import KIB, MIB, format_bytes
from pinbench.worker.data.criteo.tsv_block import BadRowError, RawRows, parse_block

_BLOCK_BYTES = 4 * MIB  # about 16,000 rows; bounds the memory of everything downstream
_LINE_BYTES = 64 * KIB  # a row of Criteo is about 250 bytes
_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_FULL_HASH = 8


class RawFile:
    """A raw file, open for one pass; its name does not matter, a gzip file is known by its first bytes."""

    def __init__(self, path: Path, block_bytes: int = _BLOCK_BYTES):
        """Open `path`.

        Raises:
            DataError: it cannot be opened, is no regular file or is empty.
        """
        self._path = path
        self._block_bytes = block_bytes
        self.size_bytes = file_size(path)
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        magic = self._file.read(len(_GZIP_MAGIC))
        self._file.seek(0)
        self._text = gzip.GzipFile(fileobj=self._file) if magic == _GZIP_MAGIC else self._file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._text.close()
        self._file.close()

    @property
    def done_bytes(self) -> int:
        """How much of the file, as it lies on the disk, has been read."""
        return self._file.tell()

    def blocks(self) -> Iterator[RawRows]:
        """Yield the rows, a block at a time, in the order of the file.

        Raises:
            DataError: a row is wrong (names the line), the gzip stream is damaged or ends early.
        """
        line = 1
        for lines in self._whole_lines():
            block = lines.replace(b"\r\n", b"\n") if b"\r" in lines else lines
            try:
                rows = parse_block(block)
            except BadRowError as error:
                raise DataError(f"{self._path}, line {line + error.row}: {error}") from error
            yield rows
            line += len(rows.label_B)
        if line == 1:
            raise DataError(f"{self._path} holds no rows; fetch it again")

    def _whole_lines(self) -> Iterator[bytes]:
        rest = b""
        while data := self._read():
            data = rest + data
            cut = data.rfind(b"\n") + 1
            rest = data[cut:]
            if cut:
                yield data[:cut]
            if len(rest) > _LINE_BYTES:
                raise DataError(f"{self._path}: a line is longer than {format_bytes(_LINE_BYTES)}; not Criteo TSV")
        if rest:
            yield self._with_newline(rest)

    def _with_newline(self, line: bytes) -> bytes:
        # A file may lack its last newline, and it may be cut: a last hash of fewer digits tells.
        last = line.rpartition(b"\t")[2]
        if len(last) < _FULL_HASH:
            raise DataError(f"{self._path} is truncated: it ends within a row, after {last[-20:]!r}; fetch it again")
        return line + b"\n"

    def _read(self) -> bytes:
        try:
            return self._text.read(self._block_bytes)
        except EOFError as error:
            raise DataError(f"{self._path} is truncated: its gzip stream ends early; fetch it again") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{self._path} is damaged: {error}; fetch it again") from error
        except OSError as error:
            raise DataError(f"cannot read {self._path}: {error.strerror}") from error


def file_size(path: Path) -> int:
    """Return the size in bytes of the regular file `path`.

    Raises:
        DataError: it is absent, something else, or empty.
    """
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if not path.is_file():
        raise DataError(f"{path} is not a file; give the raw files themselves, e.g. --input {path}/day_*.gz")
    if size_bytes == 0:
        raise DataError(f"{path} is empty; fetch it again")
    return size_bytes
