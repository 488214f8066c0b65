"""What batches are said to take: 160 bytes a row as read, 264 in a batch (13 integers, 26 ids, a label)."""

from pinbench.worker.data.criteo.batches import synthetic_batches
from pinbench.worker.data.criteo.block import Block
from pinbench.worker.data.criteo.footprint import batch_row_bytes, ready_bytes, stream_bytes
from pinbench.worker.data.criteo.stream import ahead


def size_of(batch):
    return sum(tensor.nbytes for tensor in (batch.dense_BI, batch.sparse_BF, batch.label_B))


def test_a_row_takes_what_the_tensors_of_a_batch_take():
    (batch,) = synthetic_batches(batch_size=100, count=1, table_rows=(9,) * 26, alpha=1.0, seed=0, shard=0)
    assert size_of(batch) == 100 * batch_row_bytes(26) == 100 * 264


def test_while_batches_are_made_their_rows_lie_there_three_times():
    assert ready_bytes(1000, 26) == 1000 * (160 + 264 + 264)


def test_a_stream_takes_its_blocks_and_what_its_threads_convert():
    rows, blocks = ahead(16_384, 3)
    block = Block(rows // 16_384, 16_384, 26, 13)
    assert sum(map(size_of, block.batches)) == rows * 264
    assert stream_bytes(16_384, 3, 26) == blocks * rows * 264 + 3 * rows * (160 + 264)
