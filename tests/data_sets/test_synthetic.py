import numpy as np
import pytest

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.schema import TERABYTE_TABLE_ROWS
from pinbench.worker.data.criteo.synthetic import synthetic_rows

ROWS = 20_000


def make(rows=ROWS, table_rows=(1000,), alpha=1.05, seed=0, shard=0):
    return synthetic_rows(rows=rows, table_rows=table_rows, alpha=alpha, seed=seed, shard=shard)


def expected_shares(table_rows, alpha):
    """By numerical integration of x ** -alpha, of which the generator inverts the closed form."""
    steps = (np.arange(table_rows * 200) + 0.5) / 200 + 1
    weights = (steps**-alpha).reshape(table_rows, 200).sum(axis=1)
    return weights / weights.sum()


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 1.0000001, 1.05, 2.0])
def test_the_ranks_follow_the_power_law(alpha):
    table_rows = 50
    counts = np.bincount(make(table_rows=(table_rows,), alpha=alpha).sparse_BF[:, 0], minlength=table_rows)
    expected = ROWS * expected_shares(table_rows, alpha)
    # The permutation hides which row has which rank; sorted shares are the same whatever it is.
    if alpha >= 1:
        assert counts.max() == pytest.approx(expected[0], rel=0.05)
    observed = np.sort(counts)[::-1].astype(float)
    chi_square = ((observed - np.sort(expected)[::-1]) ** 2 / expected).sum()
    assert chi_square < 100  # 49 degrees of freedom: 0.99999 quantile 105; sorting only brings both nearer


def test_every_row_of_a_small_table_is_drawn_and_none_outside():
    for table_rows in (1, 2, 3, 4, 10, 63):
        drawn = make(table_rows=(table_rows,), alpha=1.0).sparse_BF
        assert np.unique(drawn).tolist() == list(range(table_rows))


def test_ids_stay_within_the_largest_tables():
    drawn = make(table_rows=TERABYTE_TABLE_ROWS, alpha=0.3).sparse_BF
    assert (drawn >= 0).all()
    assert (drawn < np.array(TERABYTE_TABLE_ROWS)).all()
    assert drawn[:, 0].max() > 0.99 * TERABYTE_TABLE_ROWS[0]


def test_hot_rows_are_no_neighbours():
    drawn = make(table_rows=(1_000_000,), alpha=1.2).sparse_BF[:, 0]
    rows, counts = np.unique(drawn, return_counts=True)
    hottest = np.sort(rows[np.argsort(-counts)][:30])
    assert np.diff(hottest).min() > 1_000_000 / 30 / 4


def test_the_same_seed_and_shard_give_the_same_rows_and_others_give_others():
    first, again = make(rows=100), make(rows=100)
    assert (first.sparse_BF == again.sparse_BF).all()
    assert (first.dense_BI == again.dense_BI).all()
    assert (first.label_B == again.label_B).all()
    for other in (make(rows=100, shard=1), make(rows=100, seed=1)):
        assert (first.sparse_BF != other.sparse_BF).mean() > 0.5
        assert (first.dense_BI != other.dense_BI).any(axis=1).mean() > 0.9


def test_more_rows_begin_with_the_same_rows():
    few, many = make(rows=10), make(rows=9_000)
    assert (few.sparse_BF == many.sparse_BF[:10]).all()
    assert (few.dense_BI == many.dense_BI[:10]).all()


def test_shards_are_independent():
    one, other = (make(rows=ROWS, table_rows=(10**6,), alpha=0.0, shard=shard).sparse_BF[:, 0] for shard in (0, 1))
    assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(ROWS)


def test_integers_and_labels_look_like_a_click_log():
    rows = make()
    assert rows.dense_BI.min() == 0
    zero_share = (rows.dense_BI == 0).mean(axis=0)
    assert zero_share[6] == pytest.approx(0.97, abs=0.02)
    assert zero_share[11] < 0.1
    assert 0.015 < rows.label_B.mean() < 0.03


def test_an_impossible_law_is_refused():
    with pytest.raises(UsageError, match=r"must be 0 \(uniform\) or more, got -1"):
        make(alpha=-1)
    with pytest.raises(UsageError, match="got nan"):
        make(alpha=float("nan"))
    with pytest.raises(UsageError, match="SEED must be 0 or more, got -3"):
        make(seed=-3)
