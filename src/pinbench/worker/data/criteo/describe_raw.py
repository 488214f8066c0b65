"""The first rows of a raw file, plain or gzip, and on request the number of all of them."""

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from pinbench.base.errors import DataError
from pinbench.base.units import MIB
from pinbench.worker.data.criteo.description import DecodedRow, SplitDescription
from pinbench.worker.data.criteo.schema import DENSE, DENSE_FEATURES, LABEL, SPARSE
from pinbench.worker.data.criteo.tsv_fault import explain_row, row_error

_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_BLOCK_BYTES = 4 * MIB
_LINE_BYTES = 4096  # a row of Criteo is about 250 bytes
_NEWLINE = ord("\n")
_CLICK = ord("1")
_MARK = b"\xef\xbb\xbf"  # a byte-order mark; prepare takes it off and counts it


def describe_raw(path: Path, *, head_rows: int, count: bool) -> SplitDescription:
    """Return the first `head_rows` rows of `path`; with `count` its rows and clicks too, which reads all of it.

    Raises:
        DataError: it cannot be read, is damaged, or one of the rows that were looked at is none.
    """
    try:
        with _open(path) as text:
            head = tuple(_head(path, text, head_rows))
        rows, clicks = _count(path) if count else (None, sum(row.label for row in head))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged or truncated: {error}; fetch it again") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    looked_at = len(head) if rows is None else rows
    return SplitDescription(
        name=path.name, path=str(path), rows=rows, labelled_rows=looked_at, clicks=clicks, head=head
    )


def _open(path: Path) -> BufferedIOBase:
    """Return the text of `path`, at its first row."""
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    opener = gzip.open if is_gzip else open
    text: BufferedIOBase = opener(path, "rb")
    if text.read(len(_MARK)) != _MARK:
        text.seek(0)
    return text


def _head(path: Path, text: BufferedIOBase, rows: int) -> Iterator[DecodedRow]:
    for number in range(1, rows + 1):
        line = text.readline(_LINE_BYTES)
        if not line:
            if number == 1:
                raise DataError(f"{path} holds no rows; fetch it again")
            return
        row = line.removesuffix(b"\n").removesuffix(b"\r")
        if reason := explain_row(row):
            raise row_error(str(path), number, reason)
        yield _decoded(row)


def _decoded(line: bytes) -> DecodedRow:
    fields = line.split(b"\t")
    numbers = [int(text, 10 if index <= DENSE_FEATURES else 16) if text else None for index, text in enumerate(fields)]
    label = numbers[LABEL]
    assert label is not None
    return DecodedRow(label=label, dense=tuple(numbers[DENSE]), sparse=tuple(numbers[SPARSE]))


def _count(path: Path) -> tuple[int, int]:
    rows = clicks = 0
    last = _NEWLINE  # the byte before the block: a row begins after each newline
    with _open(path) as text:
        while block := text.read(_BLOCK_BYTES):
            characters = np.frombuffer(block, np.uint8)
            begins = np.flatnonzero(characters[:-1] == _NEWLINE) + 1
            rows += len(begins) + (last == _NEWLINE)
            clicks += int(np.count_nonzero(characters[begins] == _CLICK))
            clicks += int(last == _NEWLINE and characters[0] == _CLICK)
            last = int(characters[-1])
    return rows, clicks
