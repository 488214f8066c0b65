"""Raw files into shards, several files and several ranges of a file at once; a killed parse goes on where it was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from pinbench.base.errors import DataError
from pinbench.base.units import MIB
from pinbench.contract.data import Repairs
from pinbench.worker.data.criteo.crew import Stop, run_all
from pinbench.worker.data.criteo.parse_journal import Layout, ParseJournal, ShardRecord
from pinbench.worker.data.criteo.parse_piece import Piece, Workshop, parse_piece
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.raw_tsv import STDIN, file_size, is_gzip, text_name

_JOURNAL = "parsed.jsonl"
_LARGEST_SHARD_BYTES = 64 * MIB  # of text: about 260,000 rows
_SMALLEST_SHARD_BYTES = 1 * MIB
# A thread holds less than four times the text of a shard, most of the time twice: so half of the memory at the most.
_SHARE_OF_MEMORY = 8
# Of text, at least; where rows are shorter, shards are. A prime: columns of a power of two would share cache sets.
_ROW_BYTES = 131


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedShard:
    """Consecutive rows of an input."""

    path: Path
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedInput:
    """An input and its rows, in order. It has none when the rows that were wanted end before it."""

    name: str
    size_bytes: int | None  # None: standard input
    shards: tuple[ParsedShard, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(shard.rows for shard in self.shards)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedInputs:
    """All inputs in their order."""

    inputs: tuple[ParsedInput, ...]
    repairs: Repairs


class RunPieces(Protocol):
    """Parses pieces, as `parse_piece` does, as many at a time as there is room for."""

    @property
    def width(self) -> int:
        """How many pieces it parses at a time."""
        ...

    def __call__(self, pieces: Sequence[Piece], shop: Workshop, most_rows: int | None) -> list[list[ShardRecord]]:
        """Return the shards of each piece."""
        ...


def parse_inputs(
    inputs: Sequence[str],
    folder: Path,
    rows: int | None,
    memory_bytes: int,
    threads: int,
    progress: Progress,
    run: RunPieces | None = None,
) -> ParsedInputs:
    """Write the first `rows` rows of `inputs`, or all, as shards in `folder` and return where they are.

    Pieces are parsed by `run` (None: by `threads` threads of this process).

    Shards that an earlier call with the same `inputs` and `rows` left there are kept, but for those of standard input.

    Raises:
        DataError: an input is damaged or empty, a row is wrong (names file and line), or the disk is full.
    """
    layout = Layout(
        inputs=tuple(_identity(name) for name in inputs), rows=rows, shard_bytes=_shard_bytes(memory_bytes, threads)
    )
    sizes = [size for _, size, _ in layout.inputs]
    total_bytes = None if None in sizes else sum(size or 0 for size in sizes)
    stop = Stop()
    _make(folder)
    with (
        ParseJournal(folder / _JOURNAL, layout) as journal,
        progress.stage("parse", total_bytes) as stage,
    ):
        shop = Workshop(
            folder=folder,
            journal=journal,
            stage=stage,
            stop=stop,
            shard_bytes=journal.layout.shard_bytes,
            shard_rows=journal.layout.shard_bytes // _ROW_BYTES,
            builders=[],
        )
        pieces = [list(_pieces(number, name, shop.shard_bytes)) for number, name in enumerate(inputs)]
        run = run or _InThreads(threads)
        records = _all_rows(pieces, shop, run) if rows is None else _first_rows(pieces, shop, run, rows)
    for name, of_input in zip(inputs, records, strict=True):
        if not of_input and rows is None:
            raise DataError(f"{text_name(_path(name))} holds no rows; fetch it again")
    return _parsed(inputs, sizes, records, shop)


class _InThreads:
    """See `RunPieces`."""

    def __init__(self, threads: int):
        self.width = threads

    def __call__(self, pieces: Sequence[Piece], shop: Workshop, most_rows: int | None) -> list[list[ShardRecord]]:
        tasks = [partial(parse_piece, piece, shop, most_rows) for piece in pieces]
        return run_all(tasks, self.width, shop.stop)


def _all_rows(pieces: Sequence[Sequence[Piece]], shop: Workshop, run: RunPieces) -> list[list[ShardRecord]]:
    done = iter(run([piece for of_input in pieces for piece in of_input], shop, None))
    return [[record for _ in of_input for record in next(done)] for of_input in pieces]


def _first_rows(
    pieces: Sequence[Sequence[Piece]], shop: Workshop, run: RunPieces, rows: int
) -> list[list[ShardRecord]]:
    """Go through the inputs one after the other, so that little is read that is not wanted."""
    records: list[list[ShardRecord]] = []
    for of_input in pieces:
        wanted = rows - sum(record.rows for earlier in records for record in earlier)
        records.append(_first_of_input(of_input, shop, run, wanted) if wanted > 0 else [])
    return records


def _first_of_input(pieces: Sequence[Piece], shop: Workshop, run: RunPieces, wanted: int) -> list[ShardRecord]:
    records: list[ShardRecord] = []
    for begin in range(0, len(pieces), run.width):
        some = pieces[begin : begin + run.width]
        done = run(some, shop, wanted)
        ends = accumulate(sum(record.rows for record in of_piece) for of_piece in done)
        before = sum(record.rows for record in records)
        for piece, of_piece, end in zip(some, done, ends, strict=True):
            rows = sum(record.rows for record in of_piece)
            left = wanted - before - (end - rows)
            if rows > left > 0:  # the last that is wanted is in this piece: it is cut there
                (of_piece,) = run([piece], shop, left)
            records += of_piece if left > 0 else []
        if sum(record.rows for record in records) >= wanted:
            break
    return records


def _pieces(number: int, name: str, shard_bytes: int) -> Iterator[Piece]:
    path = _path(name)
    if path is None:
        yield Piece(input=number, number=0, path=None)
    elif is_gzip(path):
        yield Piece(input=number, number=0, path=path, size_bytes=file_size(path))
    else:
        size_bytes = file_size(path)
        for piece, begin in enumerate(range(0, size_bytes, shard_bytes)):
            end = min(begin + shard_bytes, size_bytes)
            yield Piece(input=number, number=piece, path=path, begin=begin, end=end, size_bytes=end - begin)


def _parsed(
    inputs: Sequence[str], sizes: Sequence[int | None], records: Sequence[Sequence[ShardRecord]], shop: Workshop
) -> ParsedInputs:
    everything = [record for of_input in records for record in of_input]
    return ParsedInputs(
        inputs=tuple(
            ParsedInput(
                name=name if name == STDIN else Path(name).name,
                size_bytes=size,
                shards=tuple(ParsedShard(path=shop.path(record), rows=record.rows) for record in of_input),
            )
            for name, size, of_input in zip(inputs, sizes, records, strict=True)
        ),
        repairs=Repairs(
            byte_order_marks=sum(record.byte_order_marks for record in everything),
            carriage_returns=sum(record.carriage_returns for record in everything),
        ),
    )


def _shard_bytes(memory_bytes: int, threads: int) -> int:
    return max(_SMALLEST_SHARD_BYTES, min(_LARGEST_SHARD_BYTES, memory_bytes // (_SHARE_OF_MEMORY * threads)))


def _path(name: str) -> Path | None:
    return None if name == STDIN else Path(name)


def _identity(name: str) -> tuple[str, int | None, int | None]:
    path = _path(name)
    if path is None:
        return name, None, None
    size_bytes = file_size(path)
    return str(path.resolve()), size_bytes, path.stat().st_mtime_ns


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror}") from error
