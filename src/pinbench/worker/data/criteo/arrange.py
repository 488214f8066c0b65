"""Stages 3 and 4: shards with ids into the rows of a writer, those of a shuffled stream in their new order.

Stage 3 takes each shard once: rows of streams that stay in order go to the writer, rows of the shuffled one to
`segments`. Stage 4 takes each bucket of the segments, sorts it and writes it to its place. What is done is marked in
journals, and either stage goes on from there. The result depends on neither threads, memory nor the cut of the shards.

B rows, K rows of a block, G buckets, R words of a record, W words of a row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np

from pinbench.base.units import KIB, MIB
from pinbench.worker.data.criteo.crew import Stop, run_all
from pinbench.worker.data.criteo.form import Stream, Words, Writer
from pinbench.worker.data.criteo.identify import Ids
from pinbench.worker.data.criteo.journal import Journal
from pinbench.worker.data.criteo.order import Order
from pinbench.worker.data.criteo.progress import Progress, Stage
from pinbench.worker.data.criteo.records import RECORD_PAIRS, group, put, sort_bucket, take
from pinbench.worker.data.criteo.schema import FIELDS, ROW_BYTES
from pinbench.worker.data.criteo.segments import RECORD_BYTES, Segments
from pinbench.worker.data.criteo.shard import read_shard
from pinbench.worker.data.criteo.shard_words import BLOCK_ROWS, ShardWords

_MEMORY_SHARE = 8  # of what the job may use: with 4 GiB, and all else, a process of less than 1 GiB
_SHARD_ROW_BYTES = 400  # columns, dictionaries, ids, records
_BUCKET_ROW_BYTES = RECORD_BYTES + 8 + 4 + 4  # records, keys, rows, cells
_MANY_BYTES = 128 * MIB  # for a thread's buckets, if all of them can have as much
_FAST_BYTES = 8 * MIB  # a bucket of this size is sorted in the cache, more than twice as fast as a large one
_SNIPPET_BYTES = 64 * KIB  # but segments are to be read in parts of this size


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlace:
    """A shard, and where its rows stand among all."""

    path: Path
    first_row: int
    rows: int
    day: int

    def common(self, stream: Stream) -> tuple[int, int]:
        """Return the first row of `stream` in the shard, counted from the shard's first, and how many there are."""
        begin = max(self.first_row, stream.begin)
        return begin - self.first_row, max(0, min(self.first_row + self.rows, stream.end) - begin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """All that stages 3 and 4 take."""

    shards: Sequence[ShardPlace]
    ids: Ids
    streams: Sequence[Stream]
    order: Order | None  # of the shuffled stream, if there is one
    writer: Writer
    settle: Callable[[int, Words], None] | None  # changes integers of a day, given its number, before the shuffle
    folder: Path  # for what is needed meanwhile
    memory_bytes: int
    threads: int

    @property
    def shuffled(self) -> Stream | None:
        """The stream whose order changes.

        Formats have one at most: a second would take keys of its own.
        """
        shuffled = [stream for stream in self.streams if stream.is_shuffled and stream.rows]
        assert len(shuffled) <= 1
        return shuffled[0] if shuffled else None

    @property
    def share_bytes(self) -> int:
        """Memory for all threads of a stage together."""
        return max(1, self.memory_bytes // _MEMORY_SHARE)

    def workers(self, least_bytes: int) -> int:
        """Return how many threads work when each takes `least_bytes` or more."""
        return max(1, min(self.threads, self.share_bytes // max(1, least_bytes)))


def arrange(work: Arrangement, progress: Progress) -> None:
    """Write all rows of the shards that are in one of the streams.

    Raises:
        DataError: the disk is full, or a shard cannot be read.
    """
    stream = work.shuffled
    segments = None if stream is None else _open_segments(work, stream)
    plan = _plan(work, segments)
    _Distribution(work, segments, plan).run(progress)
    if stream is not None and segments is not None:
        _Collection(work, stream, segments, plan).run(progress)
        segments.close()


def _open_segments(work: Arrangement, stream: Stream) -> Segments:
    shard_rows = [shard.common(stream)[1] for shard in work.shards]
    needed_bytes = stream.rows * _BUCKET_ROW_BYTES
    least = -(-needed_bytes // (work.share_bytes // work.workers(_MANY_BYTES)))
    fast = min(needed_bytes // _FAST_BYTES, max(shard_rows) * RECORD_BYTES // _SNIPPET_BYTES)
    return Segments(work.folder, shard_rows, min(max(least, fast), stream.rows))


def _plan(work: Arrangement, segments: Segments | None) -> str:
    cut = [(shard.first_row, shard.rows) for shard in work.shards]
    text = repr((cut, work.streams, segments and segments.buckets))
    return sha256(text.encode()).hexdigest()


class _Distribution:
    """Stage 3."""

    def __init__(self, work: Arrangement, segments: Segments | None, plan: str):
        self._work = work
        self._segments = segments
        self._journal = Journal(work.folder / "shards.done", plan, len(work.shards))

    def run(self, progress: Progress) -> None:
        """Distribute the rows of all shards that are not done."""
        shards, pending = self._work.shards, self._journal.pending()
        workers = self._work.workers(_SHARD_ROW_BYTES * max((shard.rows for shard in shards), default=0))
        total = sum(shard.rows for shard in shards)
        with progress.stage("rows", total * ROW_BYTES) as stage:
            done = total - sum(shards[index].rows for index in pending)
            stage.skip(done * ROW_BYTES, done)
            run_all([partial(self._shard, index, stage) for index in pending], workers, Stop())

    def _shard(self, index: int, stage: Stage) -> None:
        place, settle = self._work.shards[index], self._work.settle
        words = ShardWords(
            shard=read_shard(place.path),
            ids=self._work.ids.of_shard(index),
            settle=None if settle is None else lambda dense_BI: settle(place.day, dense_BI),
        )
        for stream in self._work.streams:
            begin, rows = place.common(stream)
            if rows and stream.is_shuffled:
                self._to_segments(index, words, begin, rows)
            elif rows:
                offset = place.first_row - stream.begin
                for first, words_KW in words.blocks(begin, rows):
                    self._work.writer.write(stream, offset + first, words_KW)
        self._journal.mark(index)
        stage.advance(place.rows * ROW_BYTES, place.rows)

    def _to_segments(self, index: int, words: ShardWords, begin: int, rows: int) -> None:
        order, segments = self._work.order, self._segments
        assert order is not None
        assert segments is not None
        first_row = self._work.shards[index].first_row + begin
        key_B = order.keys(first_row, first_row + rows)
        begin_G, place_B = np.empty(segments.buckets + 1, np.uint32), np.empty(rows, np.uint32)
        group(key_B, begin_G, place_B)
        record_BR = np.empty((rows, RECORD_PAIRS), np.uint64)
        for first, words_KW in words.blocks(begin, rows):
            put(words_KW.view(np.uint64), key_B, place_B, first - begin, record_BR)
        segments.write(index, record_BR, begin_G)


class _Collection:
    """Stage 4."""

    def __init__(self, work: Arrangement, stream: Stream, segments: Segments, plan: str):
        self._work = work
        self._stream = stream
        self._segments = segments
        self._begin_G = segments.bucket_begins()
        self._journal = Journal(work.folder / "buckets.done", plan, segments.buckets)

    def run(self, progress: Progress) -> None:
        """Write all buckets that are not done."""
        pending = self._journal.pending()
        with progress.stage("shuffle", self._stream.rows * ROW_BYTES) as stage:
            done = self._stream.rows - sum(map(self._rows, pending))
            stage.skip(done * ROW_BYTES, done)
            tasks = [partial(self._bucket, bucket, stage) for bucket in pending]
            run_all(tasks, self._work.workers(_MANY_BYTES), Stop())

    def _rows(self, bucket: int) -> int:
        return int(self._begin_G[bucket + 1] - self._begin_G[bucket])

    def _bucket(self, bucket: int, stage: Stage) -> None:
        record_BR = self._segments.read(bucket)
        rows = len(record_BR)
        key_B, row_B = np.empty(rows, np.uint64), np.empty(rows, np.uint32)
        sort_bucket(record_BR, self._segments.buckets, key_B, row_B, np.empty(rows + 1, np.uint32))
        # In blocks, so that a writer that makes other things of words finds them in the cache.
        words = np.empty((min(BLOCK_ROWS, rows), FIELDS), np.int32)
        for begin in range(0, rows, BLOCK_ROWS):
            words_KW = words[: rows - begin]
            take(record_BR, row_B[begin : begin + BLOCK_ROWS], words_KW.view(np.uint64))
            self._work.writer.write(self._stream, int(self._begin_G[bucket]) + begin, words_KW)
        self._journal.mark(bucket)
        stage.advance(rows * ROW_BYTES, rows)
