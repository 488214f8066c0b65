"""The text of raw Criteo files, plain or gzip or standard input, as blocks of whole lines.

Every fault of a file is a DataError that names it. A gzip file is known by its first bytes, whatever its name.
"""

import gzip
import io
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from pinbench.base.errors import DataError
from pinbench.base.units import KIB, format_bytes
from pinbench.worker.data.criteo.tsv_kernel import PAD_BYTES

STDIN = "-"
LINE_BYTES = 64 * KIB  # at most; a row of Criteo is about 250 bytes
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_FULL_HASH = 8
_PACKED_BYTES = 512 * KIB  # read at a time
_STDIN_FILE = 0
_POLL_S = 0.1


class Text(Protocol):
    """Where text comes from, once, from its begin to its end."""

    @property
    def done_bytes(self) -> int:
        """How much of the file, as it lies on the disk, has been read."""
        ...

    def read_into(self, target: memoryview) -> int:
        """Fill `target` and return how many bytes it got, fewer only at the end.

        Raises:
            DataError: the file cannot be read, or is truncated or damaged.
        """
        ...


class _Readable(Protocol):
    def readinto(self, target: memoryview, /) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Whole lines at the begin of a buffer, which is used again for a later block."""

    buffer: bytearray
    end: int  # after the newline of the last line; PAD_BYTES zeros come no later than at the end of the buffer

    @property
    def text(self) -> npt.NDArray[np.uint8]:
        """The whole buffer."""
        return np.frombuffer(self.buffer, np.uint8)


def text_name(path: Path | None) -> str:
    """Return how messages call `path` (None: standard input)."""
    return "standard input" if path is None else str(path)


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


def is_gzip(path: Path) -> bool:
    """Return whether the file `path` begins as gzip files do.

    Raises:
        DataError: it cannot be read.
    """
    with _faults(str(path)), path.open("rb") as file:
        return file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC


def line_start(path: Path, offset: int) -> int:
    """Return where the first line begins that begins at `offset` or after it, at most the size of the plain file.

    Raises:
        DataError: it cannot be read, or has a line that is too long.
    """
    if offset == 0:
        return 0
    with _faults(str(path)), path.open("rb") as file:
        file.seek(offset - 1)
        text = file.read(LINE_BYTES + 1)
        newline = text.find(b"\n")
        if newline >= 0:
            return offset + newline
        if len(text) > LINE_BYTES:
            raise _too_long(str(path))
        return max(offset, os.fstat(file.fileno()).st_size)


def count_lines(path: Path, end: int) -> int:
    """Return how many newlines the plain file `path` has before the byte `end`.

    Raises:
        DataError: it cannot be read.
    """
    lines = 0
    with _faults(str(path)), path.open("rb") as file:
        while data := file.read(min(1 << 22, end - file.tell())):
            lines += data.count(b"\n")
    return lines


@contextmanager
def open_plain(path: Path, begin: int, end: int) -> Iterator[Text]:
    """Yield the bytes from `begin` to before `end` of `path`.

    Raises:
        DataError: it cannot be opened.
    """
    with _opened(path) as file:
        file.seek(begin)
        yield _Plain(path, file, end - begin)


@contextmanager
def open_packed(path: Path) -> Iterator[Text]:
    """Yield what is in the gzip file `path`.

    Raises:
        DataError: it cannot be opened.
    """
    with _opened(path) as file:
        yield _Stream(str(path), file.tell, _unpacked(file))


@contextmanager
def open_stdin(check: Callable[[], None]) -> Iterator[Text]:
    """Yield the text of standard input, unpacked when it is gzip; `check` may raise while nothing comes.

    Raises:
        DataError: it cannot be read.
    """
    name = text_name(None)
    with _Stdin(check) as file:
        with _faults(name):
            is_packed = file.peek() == _GZIP_MAGIC
        yield _Stream(name, file.tell, _unpacked(file) if is_packed else file)


def whole_lines(text: Text, name: str, next_buffer: Callable[[], bytearray]) -> Iterator[Block]:
    """Yield `text` as blocks, each in what `next_buffer` returns, which must hold a few times LINE_BYTES.

    Raises:
        DataError: a line is too long, the last one has no newline and may be cut, or what `text` raises.
    """
    rest = b""
    while True:
        buffer = next_buffer()
        room = len(buffer) - PAD_BYTES
        buffer[: len(rest)] = rest
        with memoryview(buffer) as view:
            read_bytes = text.read_into(view[len(rest) : room])
        filled = len(rest) + read_bytes
        buffer[filled : filled + PAD_BYTES] = bytes(PAD_BYTES)
        end = buffer.rfind(b"\n", 0, filled) + 1
        rest = bytes(memoryview(buffer)[end:filled])
        if len(rest) > LINE_BYTES:
            raise _too_long(name)
        is_last = filled < room
        if is_last and rest:
            _require_full_row(rest, name)
            end = filled + 1
            buffer[filled : end + PAD_BYTES] = b"\n" + bytes(PAD_BYTES)
        if end:
            yield Block(buffer=buffer, end=end)
        if is_last:
            return


class _Plain:
    def __init__(self, path: Path, file: io.FileIO, size_bytes: int):
        self._path = path
        self._file = file
        self._size_bytes = size_bytes
        self.done_bytes = 0

    def read_into(self, target: memoryview) -> int:
        wanted = min(len(target), self._size_bytes - self.done_bytes)
        with _faults(str(self._path)):
            filled = _fill(self._file, target[:wanted])
        if filled < wanted:
            raise DataError(f"{self._path} became shorter while it was read; start again")
        self.done_bytes += filled
        return filled


class _Stream:
    def __init__(self, name: str, tell: Callable[[], int], file: _Readable):
        self._name = name
        self._tell = tell
        self._file = file

    @property
    def done_bytes(self) -> int:
        return self._tell()

    def read_into(self, target: memoryview) -> int:
        with _faults(self._name):
            return _fill(self._file, target)


class _Stdin(io.RawIOBase):
    """Standard input, waited for in slices of time, so that a stop is noticed."""

    def __init__(self, check: Callable[[], None]):
        self._check = check
        self._peeked = b""
        self._done_bytes = 0

    def peek(self) -> bytes:
        """Return the first two bytes, which `readinto` still gives."""
        while len(self._peeked) < len(_GZIP_MAGIC) and (data := self._read(len(_GZIP_MAGIC) - len(self._peeked))):
            self._peeked += data
        return self._peeked

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._done_bytes

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        data = self._peeked[: len(target)] or self._read(len(target))
        self._peeked = self._peeked[len(data) :] if self._peeked else b""
        target[: len(data)] = data
        self._done_bytes += len(data)
        return len(data)

    def _read(self, size: int) -> bytes:
        while not select.select([_STDIN_FILE], [], [], _POLL_S)[0]:
            self._check()
        return os.read(_STDIN_FILE, size)


def _unpacked(file: io.RawIOBase) -> _Readable:
    # The reader inside igzip.IGzipFile: around it each byte is copied once more, for a tenth of the speed.
    reader: _Readable = isal_zlib._GzipReader(file, _PACKED_BYTES)  # type: ignore[arg-type]
    return reader


def _fill(file: _Readable, target: memoryview) -> int:
    filled = 0
    while filled < len(target) and (got := file.readinto(target[filled:])):
        filled += got
    return filled


def _require_full_row(line: bytes, name: str) -> None:
    # A file may lack its last newline, and it may be cut: a last hash of fewer digits tells.
    last = line.rpartition(b"\t")[2]
    if len(last) < _FULL_HASH:
        raise DataError(f"{name} is truncated: it ends within a row, after {last[-20:]!r}; fetch it again")


def _too_long(name: str) -> DataError:
    return DataError(f"{name}: a line is longer than {format_bytes(LINE_BYTES)}; not Criteo TSV")


@contextmanager
def _opened(path: Path) -> Iterator[io.FileIO]:
    with _faults(str(path)):
        file = io.FileIO(path)
    with file:
        yield file


@contextmanager
def _faults(name: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise DataError(f"{name} is truncated: its gzip stream ends early; fetch it again") from error
    except (gzip.BadGzipFile, isal_zlib.error) as error:  # type: ignore[misc]
        raise DataError(f"{name} is damaged: {error}; fetch it again") from error
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}") from error
