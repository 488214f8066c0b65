"""Made-up bags against the reference's own batches."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from pinbench.worker.data.bags.batch import BagBatch, bag_bytes
from pinbench.worker.data.bags.reference_law import reference_batches

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "wsf_r1000_b16.npz"


def batches(count: int, shard: int = 0, batch_size: int = 16, rows: tuple[int, ...] = (1000,) * 8) -> list[BagBatch]:
    source = reference_batches(batch_size=batch_size, dense=512, table_rows=rows, most=100, seed=727, shard=shard)
    return list(itertools.islice(source, count))


@pytest.mark.parametrize("number", [0, 1])
def test_batches_are_the_reference_s_to_the_last_bit(number):
    batch = batches(2)[number]
    bags = batch.row_N.tensor_split(batch.offset_K[1:-1])
    with np.load(GOLDEN) as golden:
        assert np.array_equal(batch.dense_BI.numpy(), golden[f"b{number}_dense"])
        for table in range(8):
            mine = bags[table::8]
            assert np.array_equal(torch.cat(mine).numpy() - 1000 * table, golden[f"b{number}_idx{table}"])
            begins = np.cumsum([0, *map(len, mine)])[:-1]
            assert np.array_equal(begins, golden[f"b{number}_offsets"][table])


def test_each_bag_has_different_rows_of_its_own_table_in_ascending_order():
    batch = batches(1, rows=(3, 50_000))[0]
    assert batch.offset_K.tolist()[::32] == [0, len(batch.row_N)]
    for bag, rows_N in enumerate(batch.row_N.tensor_split(batch.offset_K[1:-1])):
        assert 1 <= len(rows_N) <= (3, 100)[bag % 2]
        assert (rows_N.diff() > 0).all()
        assert bool((rows_N < 3).all()) == (bag % 2 == 0)
        assert (rows_N < 50_003).all()


def test_a_small_buffer_of_numbers_changes_nothing(monkeypatch):
    expected = batches(2)
    monkeypatch.setattr("pinbench.worker.data.bags.reference_law._DRAWN", 1)
    for batch, again in zip(expected, batches(2), strict=True):
        assert torch.equal(batch.row_N, again.row_N)


def test_each_shard_has_samples_of_its_own():
    first, second, third = (batches(1, shard)[0] for shard in range(3))
    assert not torch.equal(first.dense_BI, second.dense_BI)
    assert not torch.equal(second.dense_BI, third.dense_BI)


def test_what_batches_take_is_foreseen():
    made = batches(1, batch_size=2000, rows=(100_000,) * 8)[0]
    took = sum(tensor.numel() * tensor.element_size() for tensor in (made.dense_BI, made.row_N, made.offset_K))
    assert bag_bytes(samples=2000, dense=512, tables=8, mean_ids=50.5) == pytest.approx(took, rel=0.02)
