"""What a parse has finished, kept beside its shards line by line, so that a killed one goes on from there.

The first line says what is parsed and how it is cut; the same inputs are cut the same way again, whatever the memory
and threads of the later run. A line torn by a kill is dropped.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Self

from pinbench.base.errors import DataError

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is parsed and how it is cut."""

    inputs: tuple[tuple[str, int | None, int | None], ...]  # name, size, time of the last change (ns)
    rows: int | None
    shard_bytes: int
    version: int = _VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRecord:
    """A shard that was written."""

    input: int
    piece: int
    shard: int
    rows: int
    end: int  # in the text of the file, unpacked: where the next shard begins
    carriage_returns: int
    byte_order_marks: int
    is_last: bool  # of its piece


class ParseJournal:
    """The journal in a folder, open for appending from any thread."""

    def __init__(self, path: Path, layout: Layout):
        """Open the journal `path`; one of other inputs is begun anew.

        Raises:
            DataError: it cannot be read or written.
        """
        self._lock = Lock()
        self._path = path
        self._kept: dict[tuple[int, int], list[ShardRecord]] = {}
        self.layout = layout
        try:
            lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
            self._file = path.open("ab")
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error
        whole = [line for line in lines if line.endswith(b"\n")]
        if whole and (there := _layout(whole[0])) and _is_same(there, layout):
            self.layout = there
            for line in whole[1:]:
                record = ShardRecord(**json.loads(line))
                self._kept.setdefault((record.input, record.piece), []).append(record)
            self._file.truncate(sum(map(len, whole)))
        else:
            self._file.truncate(0)
            self._append(asdict(layout))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def kept(self, number: int, piece: int) -> Sequence[ShardRecord]:
        """Return the shards of a piece of the input `number` that follow each other from its begin on."""
        latest = {record.shard: record for record in self._kept.get((number, piece), [])}
        chain: list[ShardRecord] = []
        while (record := latest.get(len(chain))) is not None and not (chain and chain[-1].is_last):
            chain.append(record)
        return chain

    def add(self, record: ShardRecord) -> None:
        """Note a shard that is on the disk.

        Raises:
            DataError: it cannot be written.
        """
        self._append(asdict(record))

    def _append(self, values: dict[str, Any]) -> None:
        line = json.dumps(values).encode() + b"\n"
        with self._lock:
            try:
                self._file.write(line)
                self._file.flush()
            except OSError as error:
                raise DataError(f"cannot write {self._path}: {error.strerror}") from error


def _layout(line: bytes) -> Layout | None:
    values = json.loads(line)
    if values.get("version") != _VERSION:
        return None
    return Layout(**{**values, "inputs": tuple(tuple(values_of) for values_of in values["inputs"])})


def _is_same(there: Layout, layout: Layout) -> bool:
    return (there.inputs, there.rows) == (layout.inputs, layout.rows)
