"""Multi-hot rows with a column for each id: as they stand in the archives, capped, and made up."""

import numpy as np
import pytest
from criteo_sets import TABLE_ROWS, numbered_rows, write_mlperf, write_torchrec

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.batches import open_split, synthetic_batches
from pinbench.worker.data.criteo.format.torchrec import NUM_EMBEDDINGS
from pinbench.worker.data.criteo.synthetic import synthetic_rows

ROWS = 300
HOTS = tuple(1 + column % 3 for column in range(26))


def test_each_id_is_a_column_and_categories_keep_their_sizes(tmp_path):
    split = open_split(write_torchrec(tmp_path / "set", ROWS, has_one_hot=False), "train", None, all_ids=True)
    assert (split.hots, split.rows) == (HOTS, 100)
    assert split.feature_rows == NUM_EMBEDDINGS
    assert split.table_rows == tuple(np.repeat(NUM_EMBEDDINGS, HOTS))
    _, _, sparse = numbered_rows(ROWS)
    expected = np.repeat(sparse[:100] % np.array(NUM_EMBEDDINGS), HOTS, axis=1)
    assert np.array_equal(split.piece(0, 100).sparse_BF.numpy(), expected)
    streamed = split.stream(100, 0, 1, threads=1, cpus={0})
    try:
        assert np.array_equal(streamed.next().sparse_BF.numpy(), expected)
    finally:
        streamed.close()


def test_the_cap_takes_all_ids_of_a_large_table_modulo(tmp_path):
    whole = open_split(write_torchrec(tmp_path / "set", ROWS, has_one_hot=False), "train", None, all_ids=True)
    capped = whole.capped(20)
    assert capped.feature_rows == tuple(min(rows, 20) for rows in NUM_EMBEDDINGS)
    found, ids = capped.piece(0, 100).sparse_BF, whole.piece(0, 100).sparse_BF
    large = np.repeat([rows > 20 for rows in NUM_EMBEDDINGS], HOTS)
    assert (found[:, large] == ids[:, large] % 20).all()
    assert (found[:, ~large] == ids[:, ~large]).all()


def test_a_set_of_one_id_a_category_has_not_several(tmp_path):
    with pytest.raises(DataError, match="with one id in a category; this model takes several"):
        open_split(write_mlperf(tmp_path / "set", ROWS), "test", None, all_ids=True)
    assert len(TABLE_ROWS) == 26


def test_made_up_ids_of_one_table_follow_one_law_and_differ():
    rows = synthetic_rows(rows=4000, table_rows=(1000, 50), alpha=1.05, seed=3, shard=0, hots=(3, 2))
    assert rows.sparse_BF.shape == (4000, 5)
    assert (rows.sparse_BF[:, 3:] < 50).all()
    hottest = [np.bincount(rows.sparse_BF[:, column]).argmax() for column in range(5)]
    assert hottest[0] == hottest[1] == hottest[2]
    assert hottest[3] == hottest[4] != hottest[0]
    assert (rows.sparse_BF[:, 0] != rows.sparse_BF[:, 1]).mean() > 0.5
    (batch,) = synthetic_batches(batch_size=7, count=1, table_rows=(9,) * 2, alpha=1.0, seed=0, shard=0, hots=(4, 1))
    assert batch.sparse_BF.shape == (7, 5)
