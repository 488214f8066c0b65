"""The batches of a shard, read, verified and converted by threads while the model computes.

A step that asks for its batch gets it from memory, or waits and is told how long. After the last row of the shard comes
its first one again.
"""

from collections.abc import Collection, Iterator

from pinbench.contract.result import DataFlow
from pinbench.worker.data.criteo.batch import Batch, logarithm, wrap_ids
from pinbench.worker.data.criteo.block import Block, positions
from pinbench.worker.data.criteo.form import Reader, Rows, dense_features_of
from pinbench.worker.data.criteo.prefetch import Prefetch
from pinbench.worker.data.disk import disk_read_bytes

_AHEAD_ROWS = 32_768  # as many as a case keeps ready that reads none in its window: about 9 MB
_PIECE_ROWS = 2_048  # of one read: its intermediate values stay in the L2 cache


def ahead(batch_size: int, threads: int) -> tuple[int, int]:
    """Return the rows of a block and the number of blocks that a stream has."""
    block_rows = max(1, _PIECE_ROWS // batch_size) * batch_size
    return block_rows, max(threads + 2, -(-_AHEAD_ROWS // block_rows))


class Stream:
    """Batches without end. One thread at a time may ask for them; a batch holds until the next one is asked for."""

    def __init__(
        self,
        reader: Reader,
        shard: range,
        max_ind_range: int | None,
        *,
        batch_size: int,
        threads: int,
        cpus: Collection[int],
    ) -> None:
        """Begin to read the rows of `shard` with `threads` on `cpus`."""
        self._reader = reader
        self._shard = shard
        self._max_ind_range = max_ind_range
        self._batch_size = batch_size
        self._threads = threads
        self._taken = 0
        block_rows, num_blocks = ahead(batch_size, threads)
        shape = (block_rows // batch_size, batch_size, len(reader.table_rows), dense_features_of(reader))
        blocks = [Block(*shape) for _ in range(num_blocks)]
        self._prefetch = Prefetch(blocks, self._fill, threads=threads, cpus=cpus)
        self._batches = self._in_turn()

    def next(self) -> Batch:
        """Return the next batch, after a wait when it is not ready.

        Raises:
            DataError: its rows are not what was written.
        """
        return next(self._batches)

    def flow(self) -> DataFlow:
        """Return what has flowed since the stream began."""
        rows = self._taken * self._batch_size
        return DataFlow(
            rows=rows,
            read_bytes=rows * self._reader.row_bytes,
            disk_bytes=disk_read_bytes(),
            wait_ns=self._prefetch.wait_ns,
            waits=self._prefetch.waits,
            threads=self._threads,
        )

    def close(self) -> None:
        """End the threads."""
        self._prefetch.close()

    def _in_turn(self) -> Iterator[Batch]:
        for block in self._prefetch.buffers():
            for batch in block.batches:
                self._taken += 1
                yield batch

    def _fill(self, block: Block, number: int) -> None:
        first = number * block.rows
        ranges = positions(first, block.rows, len(self._shard), _PIECE_ROWS)
        block.fill([self._read(self._shard.start + begin, self._shard.start + end) for begin, end in ranges])

    def _read(self, begin: int, end: int) -> Rows:
        rows = self._reader.read(begin, end)
        wrap_ids(rows.sparse_BF, self._reader.table_rows, self._max_ind_range)
        return Rows(label_B=rows.label_B, dense_BI=logarithm(rows.dense_BI), sparse_BF=rows.sparse_BF)
