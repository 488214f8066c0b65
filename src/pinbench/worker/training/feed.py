"""The rows of a split in the order of its files, each once an epoch, read ahead while steps run.

Preparation has shuffled the files, and MLPerf allows no other order, so an epoch is a walk from the first row to the
last one. The last batch of an epoch has the rows that are left.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from pinbench.contract.result import DataFlow
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.stream import Stream
from pinbench.worker.data.disk import disk_read_bytes


class RowSource(Protocol):
    """A split, as a feed needs it."""

    rows: int

    def stream_rows(self, rows: range, batch_size: int, *, threads: int, cpus: Collection[int]) -> Stream:
        """Begin to read `rows` ahead."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Who reads ahead: so many threads, on these CPUs."""

    threads: int
    cpus: tuple[int, ...]


class Feed:
    """Batches of one epoch after the other. A batch holds until the next one is asked for."""

    def __init__(self, source: RowSource, batch_size: int, reading: Reading) -> None:
        self.steps_per_epoch = -(-source.rows // batch_size)
        self._source = source
        self._batch_size = batch_size
        self._reading = reading
        self._stream: Stream | None = None
        self._left = 0  # rows of the epoch that no batch has had
        self._ended: list[DataFlow] = []  # of the streams before
        self._unused = 0  # rows that only filled up last batches

    def open(self, step: int) -> None:
        """Begin to read for the step after `step` steps, unless that is under way."""
        if self._left:
            return
        self._end()
        first = step % self.steps_per_epoch * self._batch_size
        self._left = self._source.rows - first
        reading = self._reading
        self._stream = self._source.stream_rows(
            range(first, self._source.rows), self._batch_size, threads=reading.threads, cpus=reading.cpus
        )

    def next(self) -> Batch:
        """Return the next batch of the epoch that was opened."""
        assert self._stream is not None
        assert self._left, "an epoch has ended, and no other one was opened"
        batch = self._stream.next()
        rows = min(self._left, self._batch_size)
        self._left -= rows
        self._unused += self._batch_size - rows
        return batch if rows == self._batch_size else part_of(batch, 0, rows)

    def flow(self) -> DataFlow:
        """Return what has flowed since the first epoch was opened."""
        flows = [*self._ended, *([] if self._stream is None else [self._stream.flow()])]
        rows = sum(flow.rows for flow in flows)
        read_bytes = sum(flow.read_bytes for flow in flows)
        return DataFlow(
            rows=rows - self._unused,
            read_bytes=read_bytes - self._unused * (read_bytes // rows if rows else 0),
            disk_bytes=disk_read_bytes(),
            wait_ns=sum(flow.wait_ns for flow in flows),
            waits=sum(flow.waits for flow in flows),
            threads=self._reading.threads,
        )

    def close(self) -> None:
        """End the threads."""
        self._end()
        self._left = 0

    def _end(self) -> None:
        if self._stream is not None:
            self._ended.append(self._stream.flow())
            self._stream.close()
        self._stream = None


def part_of(batch: Batch, begin: int, end: int) -> Batch:
    """Return the rows of `batch` from `begin` to before `end`, in the same memory."""
    rows = slice(begin, end)
    label_B = None if batch.label_B is None else batch.label_B[rows]
    return Batch(dense_BI=batch.dense_BI[rows], sparse_BF=batch.sparse_BF[rows], label_B=label_B)


def cut_up(batch: Batch, parts: int) -> list[Batch]:
    """Return `batch` in `parts` parts of about the same size, in the same memory; fewer when it has fewer rows."""
    rows = len(batch.dense_BI)
    used = min(parts, rows)
    return [part_of(batch, rows * number // used, rows * (number + 1) // used) for number in range(used)]
