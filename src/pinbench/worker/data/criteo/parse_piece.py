"""A piece of a raw file into shards: the part of a file that one thread parses, from its first line to its last."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pinbench.base.errors import DataError
from pinbench.base.units import MIB
from pinbench.worker.data.criteo.crew import Stop
from pinbench.worker.data.criteo.finishing import Finishing, finishing
from pinbench.worker.data.criteo.parse_journal import ParseJournal, ShardRecord
from pinbench.worker.data.criteo.progress import Stage
from pinbench.worker.data.criteo.raw_tsv import (
    BYTE_ORDER_MARK,
    LINE_BYTES,
    Block,
    Text,
    count_lines,
    line_start,
    open_packed,
    open_plain,
    open_stdin,
    text_name,
    whole_lines,
)
from pinbench.worker.data.criteo.read_ahead import blocks_ahead
from pinbench.worker.data.criteo.shard import is_whole, shard_rows, write_shard
from pinbench.worker.data.criteo.shard_builder import ShardBuilder
from pinbench.worker.data.criteo.tsv_fault import explain_row, row_error

_BUFFER_BYTES = 4 * MIB  # about 16,000 rows: some ms, after which a stop is noticed
_LEAST_BUFFER_BYTES = 4 * LINE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Lines of an input: of a plain file those that begin in a range of its bytes, of others all."""

    input: int
    number: int
    path: Path | None  # None: standard input
    begin: int | None = None  # None: a stream
    end: int | None = None
    size_bytes: int = 0  # that reading it goes through, as far as one knows

    @property
    def is_stream(self) -> bool:
        """Whether it can only be read from its begin to its end."""
        return self.begin is None

    @property
    def name(self) -> str:
        """How messages call the file."""
        return text_name(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What the threads of a parse share."""

    folder: Path
    journal: ParseJournal
    stage: Stage
    stop: Stop
    shard_bytes: int
    shard_rows: int
    builders: list[ShardBuilder]  # those that are free

    def take_builder(self) -> ShardBuilder:
        """Return an empty builder."""
        try:
            builder = self.builders.pop()
        except IndexError:
            return ShardBuilder(self.shard_rows)
        builder.rows = 0
        return builder

    def finish(self, builder: ShardBuilder, record: ShardRecord) -> None:
        """Write what is in `builder`, which is free then."""
        write_shard(self.path(record), builder.take(self.stop.check))
        self.journal.add(record)
        self.builders.append(builder)

    def path(self, record: ShardRecord) -> Path:
        """Return where the shard lies."""
        return self.folder / f"{record.input:03}-{record.piece:06}-{record.shard:06}.shard"


def parse_piece(piece: Piece, shop: Workshop, most_rows: int | None) -> list[ShardRecord]:
    """Return the shards of `piece`, or of its first `most_rows` rows; those that are there are kept.

    Raises:
        DataError: a row is wrong (names file and line), the file is damaged, or the disk is full.
        StoppedError: the others stopped.
    """
    kept = [] if piece.path is None else _kept(piece, shop, most_rows)
    kept_rows = sum(record.rows for record in kept)
    if kept and (kept[-1].is_last or kept_rows == most_rows):
        shop.stage.skip(piece.size_bytes, kept_rows)
        return kept
    # What is unpacked in a thread is worth another that writes: else a single file waits for its own shards.
    with _open(piece, kept, shop) as (text, begin, blocks), finishing(beside=piece.is_stream) as place:
        if kept:
            shop.stage.skip(0 if piece.begin is None else begin - piece.begin, kept_rows)
        run = _Run(piece, kept, shop, place, begin, most_rows)
        done_bytes = 0
        for block in blocks:
            shop.stop.check()
            rows = run.feed(block)
            shop.stage.advance(text.done_bytes - done_bytes, rows)
            done_bytes = text.done_bytes
            if run.is_full:
                break
        run.flush(is_last=True)
    return run.records


class _Run:
    """One pass over the text of a piece."""

    def __init__(
        self,
        piece: Piece,
        kept: list[ShardRecord],
        shop: Workshop,
        place: Finishing,
        block_begin: int,
        most_rows: int | None,
    ):
        self.records = list(kept)
        self._piece, self._shop, self._place = piece, shop, place
        self._builder = shop.take_builder()
        self._flushed_rows = sum(record.rows for record in kept)
        self._block_begin = block_begin
        self._most_rows = most_rows
        self._at = self._shard_begin = kept[-1].end if kept else block_begin
        self._returns = self._marks = 0

    @property
    def is_full(self) -> bool:
        """Whether no more rows are wanted."""
        return self._most_rows is not None and self._rows >= self._most_rows

    @property
    def _rows(self) -> int:
        return self._flushed_rows + self._builder.rows

    def feed(self, block: Block) -> int:
        """Parse what is new in `block`; return how many rows that was."""
        before = self._rows
        if self._at == 0 and block.buffer.startswith(BYTE_ORDER_MARK):
            self._marks, self._at = 1, len(BYTE_ORDER_MARK)
        text = block.text
        end = self._block_begin + block.end
        while self._at < end and not self.is_full:
            stop = self._shard_begin + self._shop.shard_bytes
            if self._at >= stop or self._builder.rows == self._builder.room:
                self.flush(is_last=False)
                continue
            position, returns, is_bad = self._builder.parse(
                text, self._at - self._block_begin, min(stop, end) - self._block_begin, self._room()
            )
            self._returns += returns
            self._at = self._block_begin + position
            if is_bad:
                raise self._fault(block, position)
        self._block_begin = end
        return self._rows - before

    def flush(self, *, is_last: bool) -> None:
        """Write the rows so far as a shard, if there are any."""
        if self._builder.rows:
            record = ShardRecord(
                input=self._piece.input,
                piece=self._piece.number,
                shard=len(self.records),
                rows=self._builder.rows,
                end=self._at,
                carriage_returns=self._returns,
                byte_order_marks=self._marks,
                is_last=is_last,
            )
            self.records.append(record)
            self._flushed_rows += record.rows
            self._place.do(partial(self._shop.finish, self._builder, record))
            self._builder = self._shop.take_builder()
        self._shard_begin = self._at
        self._returns = self._marks = 0

    def _room(self) -> int:
        if self._most_rows is None:
            return self._builder.room
        return min(self._builder.room, self._builder.rows + self._most_rows - self._rows)

    def _fault(self, block: Block, position: int) -> DataError:
        line = bytes(block.buffer[position : block.buffer.index(b"\n", position)])
        reason = explain_row(line)
        if reason is None:
            raise AssertionError(f"the parser refused a row that is right: {line!r}")
        path = self._piece.path
        # The lines before a range of a file are only counted when someone wants to know.
        lines = self._rows if path is None or self._piece.is_stream else count_lines(path, self._at)
        return row_error(self._piece.name, lines + 1, reason)


def _kept(piece: Piece, shop: Workshop, most_rows: int | None) -> list[ShardRecord]:
    kept: list[ShardRecord] = []
    for record in shop.journal.kept(piece.input, piece.number):
        shop.stop.check()
        path = shop.path(record)
        rows = sum(there.rows for there in kept) + record.rows
        if (most_rows is not None and rows > most_rows) or not is_whole(path) or shard_rows(path) != record.rows:
            break
        kept.append(record)
    return kept


@contextmanager
def _open(piece: Piece, kept: list[ShardRecord], shop: Workshop) -> Iterator[tuple[Text, int, Iterator[Block]]]:
    """Yield the text of `piece` after what is `kept`, or all of it; where in the file that begins; its blocks."""
    size = max(_LEAST_BUFFER_BYTES, min(_BUFFER_BYTES, shop.shard_bytes))
    if piece.path is None or piece.begin is None or piece.end is None:
        opened = open_stdin(shop.stop.check) if piece.path is None else open_packed(piece.path)
        with opened as text, blocks_ahead(text, piece.name, size) as blocks:
            yield text, 0, blocks
        return
    begin = kept[-1].end if kept else line_start(piece.path, piece.begin)
    with open_plain(piece.path, begin, max(begin, line_start(piece.path, piece.end))) as text:
        yield text, begin, whole_lines(text, piece.name, _same(bytearray(size)))


def _same(buffer: bytearray) -> Callable[[], bytearray]:
    return lambda: buffer
