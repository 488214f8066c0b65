import numpy as np
import pytest
from scipy.integrate import quad

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.synthetic_rows.alias import make_law
from pinbench.worker.data.criteo.synthetic_rows.draw import Recipe, draw_rows
from pinbench.worker.data.criteo.synthetic_rows.fitted import CATEGORIES, INTEGERS
from pinbench.worker.data.criteo.synthetic_rows.laws import NO_RANK, column_laws

DENSE = 13
ROWS = 200_000


def rows_of(laws, rows=ROWS, seed=0):
    recipe = Recipe(seed=seed, laws=laws, effect_OR=np.zeros((39, 1024)), bias=0.0)
    return draw_rows(recipe, 0, 0, rows)


@pytest.fixture(scope="module")
def drawn():
    return rows_of(column_laws(None))


def test_the_cells_of_a_law_give_each_range_its_share():
    share = np.array([0.6, 0.25, 0.1, 0.05, 0.0, 1e-12])
    law = make_law(np.arange(6), np.ones(6, np.int64), share, np.array([False] * 5 + [True]))
    given = np.zeros(1024)
    for cell in range(1024):
        given[cell] += float(law.keep_R[cell])
        given[int(law.other_R[cell])] += 65_536 - float(law.keep_R[cell])
    assert given.sum() == 1 << 26
    assert (given == law.weight_R).all()
    assert given[:4] / (1 << 26) == pytest.approx(share[:4], abs=1e-7)
    assert given[4:6].tolist() == [0, 1]


def test_ranks_follow_the_fitted_power_law():
    shape = CATEGORIES[2]
    law = column_laws(None)[DENSE + 2]
    power = [quad(lambda x: (x + shape.shift) ** -shape.alpha, r, r + 1)[0] for r in range(1, shape.values)]
    expected = np.append(shape.top_share, (1 - shape.top_share) * np.array(power) / np.sum(power))
    density = law.share_R[law.width_R > 0] / law.width_R[law.width_R > 0]
    low, width = (part[law.width_R > 0].astype(int) for part in (law.low_R, law.width_R))
    per_rank = np.repeat(density[low >= 0], width[low >= 0])
    assert len(per_rank) == 17_295
    assert per_rank[:400] == pytest.approx(expected[:400], rel=1e-3)
    assert per_rank == pytest.approx(expected, rel=0.03)  # alike within a wide range


def test_drawn_fields_have_the_shares_of_their_laws(drawn):
    law = column_laws(None)[1]
    inside = np.searchsorted(np.sort(law.low_R[law.width_R > 0]), drawn.dense_IB[1], "right") - 1
    order = np.argsort(law.low_R[law.width_R > 0])
    expected = ROWS * law.share_R[law.width_R > 0][order]
    observed = np.bincount(inside, minlength=len(expected))
    enough = expected >= 10
    deviation = ((observed - expected) ** 2 / np.maximum(expected, 1))[enough].sum()
    freedom = enough.sum()
    assert freedom > 500
    assert abs(deviation - freedom) < 5 * np.sqrt(2 * freedom)


def test_values_within_a_wide_range_are_equally_likely():
    law = make_law(np.array([1_000]), np.array([8]), np.ones(1), np.array([True]))
    drawn = rows_of((law,) * 39).dense_IB[0]
    counts = np.bincount(drawn - 1_000, minlength=8)
    assert len(counts) == 8
    assert ((counts - ROWS / 8) ** 2 / (ROWS / 8)).sum() < 30  # 7 degrees of freedom: 0.9999 quantile


def test_empty_fields_and_the_most_frequent_value_have_their_shares(drawn):
    for index, shape in enumerate(CATEGORIES):
        is_missing = (drawn.missing_B >> np.uint32(index)) & np.uint32(1) == 1
        assert is_missing.mean() == pytest.approx(shape.missing_share, abs=0.005)
        assert (drawn.hash_FB[index][is_missing] == 0).all()
        _, counts = np.unique(drawn.hash_FB[index][~is_missing], return_counts=True)
        assert counts.max() / counts.sum() == pytest.approx(shape.top_share, abs=0.007)
    for index, shape in enumerate(INTEGERS):
        value = drawn.dense_IB[index]
        assert (value == MISSING).mean() == pytest.approx(shape.missing_share, abs=0.005)
        assert (value == -1).mean() == pytest.approx(shape.negative_share, abs=0.003)
        assert (value[value != MISSING] >= -1).all()


def test_small_columns_show_all_their_values_and_large_ones_ever_new_ones(drawn):
    # The table of 4 rows (category 17) has one for the empty field, whose hash is 0.
    for index, values in ((5, 3), (8, 63), (12, 10), (16, 4), (18, 14), (24, 108), (25, 36)):
        assert len(np.unique(drawn.hash_FB[index])) == values
    halves = [len(np.unique(drawn.hash_FB[19][:end])) for end in (ROWS // 2, ROWS)]
    assert halves[1] > 1.7 * halves[0]


def test_the_largest_integers_and_ranks_stay_in_their_columns():
    laws = column_laws(None)
    for law in laws[:DENSE]:
        assert int((law.low_R + law.width_R.astype(np.int64)).max()) == 2**31
    for law, shape in zip(laws[DENSE:], CATEGORIES, strict=True):
        assert int((law.low_R + law.width_R.astype(np.int64)).max()) == shape.values - (shape.missing_share > 0)
        assert law.low_R.min() == NO_RANK
        assert (law.weight_R[(law.width_R > 0) & (law.low_R >= 0)] > 0).all()


def test_other_tables_have_the_asked_number_of_values():
    drawn = rows_of(column_laws((1, 2, 5, 40, *[7] * 21, 2**32)))
    assert [len(np.unique(drawn.hash_FB[index])) for index in (0, 1, 2, 3, 4, 9)] == [1, 2, 5, 40, 7, 7]


def test_impossible_tables_are_refused():
    with pytest.raises(UsageError, match=r"26 numbers from 1 to 4294967296, got \(5, 6\)"):
        column_laws((5, 6))
    with pytest.raises(UsageError, match="got"):
        column_laws((0,) * 26)
