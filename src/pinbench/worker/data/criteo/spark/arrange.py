"""Stages 3 and 4 on Spark: shards with ids into the rows of a writer, those of a shuffled stream in their new order.

Keys depend on row numbers alone, so how many rows each range of keys holds is known before any row is there, and with
it the place of each range in the output. Spark brings the rows of a range together and sorts them; the task that has
them writes them to their place, with the writer of the format.

B rows, D entries of dictionaries, G ranges of keys, W words of a row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute
from pyspark.broadcast import Broadcast
from pyspark.sql import SparkSession

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.arrange import ShardPlace
from pinbench.worker.data.criteo.form import Stream, Words, Writer
from pinbench.worker.data.criteo.order import Keys, Order
from pinbench.worker.data.criteo.records import group
from pinbench.worker.data.criteo.schema import FIELDS, SPARSE_FEATURES
from pinbench.worker.data.criteo.shard import read_shard
from pinbench.worker.data.criteo.shard_words import ShardWords
from pinbench.worker.data.criteo.spark.faults import task_faults
from pinbench.worker.data.criteo.spark.identify import SparkIds
from pinbench.worker.data.criteo.vocabulary import Numbers

_KEYS_AT_A_TIME = 1 << 22
_HALF_BITS = np.uint64(32)
_SIGN = np.uint64(
    1 << 63
)  # Java has no unsigned numbers: with this bit flipped, the order of signed ones is that of keys
_WORD = np.dtype("<i4")
_ROW_BYTES = FIELDS * _WORD.itemsize
_DONE = -1  # instead of a range: rows that a task has written itself, their number in place of the key
_ROWS = "range int, key bigint, words binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """All that the tasks take."""

    shards: Sequence[ShardPlace]
    streams: Sequence[Stream]
    order: Order | None  # of the shuffled stream, if there is one
    open_writer: Callable[[], Writer]  # into files that are there
    settle: Callable[[int, Words], None] | None  # changes integers of a day, given its number, before the shuffle

    @property
    def shuffled(self) -> Stream | None:
        """The stream whose order changes; formats have one at most."""
        shuffled = [stream for stream in self.streams if stream.is_shuffled and stream.rows]
        assert len(shuffled) <= 1
        return shuffled[0] if shuffled else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tasks:
    """The same, with what is known only when the tasks are cut."""

    work: Work
    default_id: int
    ranges: int
    begin_G: npt.NDArray[np.int64]  # the first row of each range in the shuffled stream


def arrange(work: Work, ids: SparkIds, session: SparkSession) -> None:
    """Write all rows of the shards that are in one of the streams.

    Raises:
        DataError: the disk is full, or a shard cannot be read.
    """
    ranges = int(session.conf.get("spark.sql.shuffle.partitions") or 1)
    with task_faults(session):
        begin_G = _range_begins(work, ranges, session)
        tasks = session.sparkContext.broadcast(
            _Tasks(work=work, default_id=ids.default, ranges=ranges, begin_G=begin_G)
        )
        rows = ids.frame.groupBy("shard").applyInArrow(_for_each_shard(tasks), _ROWS)
        ordered = rows.repartitionById(ranges, "range").sortWithinPartitions("range", "key")
        counted = ordered.mapInArrow(partial(_write_ranges, tasks), "rows bigint").collect()
    written, wanted = sum(row["rows"] for row in counted), sum(stream.rows for stream in work.streams)
    if written != wanted:
        raise DataError(f"{written} rows came out of {wanted}; run the same command again with --restart")


def _range_begins(work: Work, ranges: int, session: SparkSession) -> npt.NDArray[np.int64]:
    stream, order = work.shuffled, work.order
    count_G = np.zeros(ranges, np.int64)
    if stream is not None and order is not None:
        begins = range(stream.begin, stream.end, _KEYS_AT_A_TIME)
        blocks = session.sparkContext.parallelize(begins, min(len(begins), ranges))
        counted = blocks.map(partial(_counts, order, stream.end, ranges))
        count_G += counted.reduce(lambda one, other: one + other)
    return np.concatenate([[0], np.cumsum(count_G)[:-1]]).astype(np.int64)


def _counts(order: Order, end: int, ranges: int, begin: int) -> npt.NDArray[np.int64]:
    key_B = order.keys(begin, min(begin + _KEYS_AT_A_TIME, end))
    begin_G, place_B = np.empty(ranges + 1, np.uint32), np.empty(len(key_B), np.uint32)
    group(key_B, begin_G, place_B)
    wide_G = begin_G.astype(np.int64)
    return wide_G[1:] - wide_G[:-1]


def _for_each_shard(tasks: "Broadcast[_Tasks]") -> Callable[[pa.Table], pa.Table]:
    def rows_of_shard(entries: pa.Table) -> pa.Table:  # Spark looks at these types
        return _rows_of_shard(tasks, entries)

    return rows_of_shard


def _rows_of_shard(broadcast: "Broadcast[_Tasks]", entries: pa.Table) -> pa.Table:
    """Write the rows of one shard that stay in their order, return the others."""
    tasks = broadcast.value
    work = tasks.work
    place = work.shards[entries.column("shard")[0].as_py()]
    words = _words(tasks, place, entries)
    tables = []
    for stream in work.streams:
        begin, rows = place.common(stream)
        if rows and stream.is_shuffled:
            tables.append(_keyed(tasks, place.first_row + begin, words, begin, rows))
        elif rows:
            _write(work, stream, place.first_row - stream.begin, words.blocks(begin, rows))
            tables.append(_table(np.full(1, _DONE, np.int32), np.full(1, rows, np.int64), np.empty((1, 0), _WORD)))
    return pa.concat_tables(tables) if tables else _table(*_NOTHING)


def _words(tasks: _Tasks, place: ShardPlace, entries: pa.Table) -> ShardWords:
    shard = read_shard(place.path)
    settle = tasks.work.settle
    return ShardWords(
        shard=shard,
        ids=_ids(tasks.default_id, [len(dictionary.key_D) for dictionary in shard.dictionaries], entries),
        settle=None if settle is None else partial(settle, place.day),
    )


def _ids(default: int, sizes: Sequence[int], entries: pa.Table) -> list[Numbers]:
    """Return the id of each entry of each column."""
    begin_F = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    id_D = np.full(begin_F[-1], default, np.int32)
    known = entries.filter(compute.is_valid(entries.column("id")))
    column_D, entry_D = known.column("column").to_numpy(), known.column("entry").to_numpy()
    id_D[begin_F[column_D] + entry_D] = known.column("id").to_numpy()
    return [id_D[begin_F[column] : begin_F[column + 1]] for column in range(SPARSE_FEATURES)]


def _keyed(tasks: _Tasks, first_row: int, words: ShardWords, begin: int, rows: int) -> pa.Table:
    assert tasks.work.order is not None
    key_B = tasks.work.order.keys(first_row, first_row + rows)
    words_BW = np.empty((rows, FIELDS), _WORD)
    words.fill(begin, words_BW)
    range_B = ((key_B >> _HALF_BITS) * np.uint64(tasks.ranges)) >> _HALF_BITS
    return _table(range_B.astype(np.int32), _signed(key_B), words_BW)


def _signed(key_B: Keys) -> npt.NDArray[np.int64]:
    return (key_B ^ _SIGN).view(np.int64)


def _table(range_B: npt.NDArray[np.int32], key_B: npt.NDArray[np.int64], words_BW: Words) -> pa.Table:
    rows, width = len(words_BW), words_BW.shape[1] * _WORD.itemsize
    offset_B = np.arange(rows + 1, dtype=np.int32) * width
    words = pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offset_B), pa.py_buffer(words_BW)])
    return pa.table({"range": range_B, "key": key_B, "words": words})


_NOTHING = (np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, FIELDS), _WORD))


def _write_ranges(broadcast: "Broadcast[_Tasks]", batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Write rows that come in the order of their keys, range by range; yield how many."""
    tasks = broadcast.value
    stream = tasks.work.shuffled
    done = 0
    next_G = tasks.begin_G.copy()
    writer: Writer | None = None
    for batch in batches:
        range_B = batch.column(0).to_numpy()
        first = int(np.searchsorted(range_B, 0))  # before it are those that are written
        done += int(batch.column(1).slice(0, first).to_numpy().sum())
        begins = [first, *(first + 1 + np.flatnonzero(np.diff(range_B[first:])))]
        for begin, end in zip(begins, [*begins[1:], len(range_B)], strict=True):
            if begin == end:
                continue
            assert stream is not None
            writer = writer or tasks.work.open_writer()
            writer.write(stream, int(next_G[range_B[begin]]), _row_words(batch, begin, end))
            next_G[range_B[begin]] += end - begin
            done += end - begin
    if writer is not None:
        writer.close()
    yield pa.RecordBatch.from_arrays([pa.array([done], pa.int64())], names=["rows"])


def _row_words(batch: pa.RecordBatch, begin: int, end: int) -> Words:
    words = batch.column(2).slice(begin, end - begin)
    _, offsets, content = words.buffers()
    first = int(np.frombuffer(offsets, np.int32)[words.offset])
    flat = np.frombuffer(content, _WORD, (end - begin) * FIELDS, first)
    return flat.reshape(-1, FIELDS).copy()  # what Arrow hands over is read-only, and compiled code would be made twice


def _write(work: Work, stream: Stream, offset: int, blocks: Iterator[tuple[int, Words]]) -> None:
    writer = work.open_writer()
    for begin, words_KW in blocks:
        writer.write(stream, offset + begin, words_KW)
    writer.close()
