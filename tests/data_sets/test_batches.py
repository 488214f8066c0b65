import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.batches import open_split, synthetic_batches, synthetic_facts
from pinbench.worker.data.criteo.schema import TERABYTE_TABLE_ROWS

LOADER = Path(__file__).parents[1] / "data/criteo/loader"
SHARED = Path(os.environ.get("PINBENCH_SHARED", Path(__file__).parents[2] / "../shared"))


def test_rows_reach_the_model_as_the_reference_hands_them():
    expected = np.load(LOADER / "expected.npz")
    batches = open_split(LOADER, "test", 400).batches(batch_size=64, shard=0, shards=1, count=4)
    assert np.array_equal(torch.cat([batch.dense_BI for batch in batches]).numpy(), expected["dense"])
    assert np.array_equal(torch.cat([batch.sparse_BF for batch in batches]).numpy(), expected["indices"].T)
    assert np.array_equal(torch.cat([batch.label_B for batch in batches]).numpy(), expected["label"][:, 0])


def test_the_tables_are_as_large_as_the_counts_and_the_cap_allow():
    assert open_split(LOADER, "test", None).table_rows == TERABYTE_TABLE_ROWS
    assert open_split(LOADER, "test", 400).table_rows == tuple(min(rows, 400) for rows in TERABYTE_TABLE_ROWS)


def test_without_a_cap_ids_are_those_of_the_file():
    words = np.fromfile(LOADER / "terabyte_processed_test.bin", "<i4").reshape(-1, 40)
    (batch,) = open_split(LOADER, "test", None).batches(256, 0, 1, 1)
    assert np.array_equal(batch.sparse_BF.numpy(), words[:, 14:])


@pytest.mark.parametrize("source", ["real", "synthetic"])
def test_tensors_are_what_the_loop_expects(source):
    if source == "real":
        batches = open_split(LOADER, "test", 400).batches(7, 0, 1, 3)
    else:
        batches = synthetic_batches(batch_size=7, count=3, table_rows=[400] * 26, alpha=1.05, seed=0, shard=0)
    assert len(batches) == 3
    for batch in batches:
        assert (batch.dense_BI.dtype, tuple(batch.dense_BI.shape)) == (torch.float32, (7, 13))
        assert (batch.sparse_BF.dtype, tuple(batch.sparse_BF.shape)) == (torch.int64, (7, 26))
        assert (batch.label_B.dtype, tuple(batch.label_B.shape)) == (torch.float32, (7,))
        for tensor in (batch.dense_BI, batch.sparse_BF, batch.label_B):
            assert tensor.is_contiguous()
            assert tensor.storage_offset() == 0  # memory of its own, aligned as torch aligns
        assert 0 <= batch.sparse_BF.min() <= batch.sparse_BF.max() < 400
        assert torch.isfinite(batch.dense_BI).all()


def test_shards_cut_the_split_into_parts_that_do_not_overlap():
    split = open_split(LOADER, "test", None)
    whole = split.batches(256, 0, 1, 1)[0].sparse_BF
    parts = [split.batches(85, shard, 3, 1)[0].sparse_BF for shard in range(3)]
    assert torch.equal(parts[0], whole[:85])
    assert torch.equal(parts[1], whole[85:170])
    assert torch.equal(parts[2], whole[170:255])
    assert [split.facts(10_000, shard, 3, 1).rows for shard in range(3)] == [85, 85, 86]


def test_a_short_shard_goes_round_within_its_rows_and_says_so():
    split = open_split(LOADER, "test", None)
    first, second = split.batches(200, 1, 2, 2)
    rows = split.batches(128, 1, 2, 1)[0].dense_BI
    assert torch.equal(first.dense_BI, torch.cat([rows, rows[:72]]))
    assert torch.equal(second.dense_BI, torch.cat([rows[72:], rows, rows[:16]]))
    facts = split.facts(200, 1, 2, 2)
    assert facts.rows == 128
    assert "rows 128 to 255 of 256" in facts.detail
    assert "128 rows repeated within each batch of 200" in facts.detail


def test_facts_say_what_was_read_and_whether_it_was_verified():
    split = open_split(LOADER, "test", None)
    facts = split.facts(64, 0, 1, 2)
    assert (facts.name, facts.rows) == ("criteo test", 128)
    assert facts.detail.endswith("terabyte_processed_test.bin, no manifest, so not verified")
    assert "256 rows, repeated to make 5 batches of 64" in split.facts(64, 0, 1, 5).detail


def test_more_instances_than_rows_are_refused():
    split = open_split(LOADER, "test", None)
    with pytest.raises(DataError, match="has 256 rows for 257 instances; set INSTANCE_NUMBER to 256 or less"):
        split.batches(1, 0, 257, 1)


def test_only_the_rows_that_batches_use_are_read(tmp_path):
    shutil.copytree(LOADER, tmp_path / "set")
    split = open_split(tmp_path / "set", "test", None)
    words = np.fromfile(tmp_path / "set/terabyte_processed_test.bin", "<i4").reshape(-1, 40)
    words[200, 0] = 9
    words.tofile(tmp_path / "set/terabyte_processed_test.bin")
    assert len(split.batches(50, 0, 1, 4)) == 4
    with pytest.raises(DataError, match="row 200: word 0 is 9"):
        split.batches(50, 0, 1, 5)


def test_synthetic_batches_differ_between_steps_and_shards_and_repeat_with_the_seed():
    def make(**change):
        values = {"batch_size": 16, "count": 2, "table_rows": [5000] * 26, "alpha": 1.05, "seed": 4, "shard": 0}
        return synthetic_batches(**(values | change))

    first, second = make()
    assert not torch.equal(first.sparse_BF, second.sparse_BF)
    assert torch.equal(first.sparse_BF, make()[0].sparse_BF)
    assert torch.equal(first.dense_BI, make()[0].dense_BI)
    assert not torch.equal(first.sparse_BF, make(shard=1)[0].sparse_BF)


def test_synthetic_facts_let_a_reader_repeat_the_rows():
    facts = synthetic_facts(batch_size=16, count=2, alpha=1.05, seed=4, shard=3)
    assert (facts.name, facts.rows, facts.detail) == (
        "criteo synthetic",
        32,
        "power law, alpha 1.05, seed 4, shard 3",
    )
