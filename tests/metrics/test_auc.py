import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pinbench.base.errors import DataError, ModelError
from pinbench.worker.metrics import auc
from pinbench.worker.metrics.auc import roc_auc


def auc_of(scores, clicks):
    return roc_auc(np.array(scores, np.float32), np.array(clicks, bool))


@pytest.mark.parametrize(
    ("scores", "clicks", "expected"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),  # of four pairs one is the wrong way round
        ([0.1, 0.9], [0, 1], 1.0),
        ([0.9, 0.1], [0, 1], 0.0),
        ([0.5, 0.5, 0.5], [0, 1, 0], 0.5),  # constant scores tell nothing
        ([0.2, 0.2, 0.7], [0, 1, 0], 0.25),  # one tie, one lost
        ([0.2, 0.2, 0.7], [1, 0, 1], 0.75),  # more clicks than others
    ],
)
def test_it_is_the_share_of_pairs_in_the_right_order_and_ties_count_half(scores, clicks, expected):
    assert auc_of(scores, clicks) == expected
    assert roc_auc_score(clicks, scores) == pytest.approx(expected)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=300).filter(
        lambda rows: len({click for _, click in rows}) == 2
    )
)
def test_it_is_sklearns_whatever_the_ties(rows):
    scores, clicks = np.array([score for score, _ in rows], np.float32) / 20, np.array([click for _, click in rows])
    assert roc_auc(scores, clicks) == pytest.approx(roc_auc_score(clicks, scores), abs=1e-12)


@pytest.mark.parametrize("share", [0.03, 0.97])
def test_a_million_scores_in_several_pieces_give_sklearns_area(share):
    random = np.random.default_rng(7)
    clicks = random.random(1_000_000) < share
    scores = (random.normal(size=1_000_000) + clicks).astype(np.float16).astype(np.float32)  # many ties
    assert min(clicks.sum(), (~clicks).sum()) < auc._PIECE < max(clicks.sum(), (~clicks).sum())
    assert roc_auc(scores, clicks) == pytest.approx(roc_auc_score(clicks, scores), abs=1e-12)


def test_the_smaller_class_is_looked_up_piece_by_piece(monkeypatch):
    random = np.random.default_rng(8)
    clicks, scores = random.random(1000) < 0.4, random.random(1000).astype(np.float32)
    whole = roc_auc(scores, clicks)
    monkeypatch.setattr(auc, "_PIECE", 7)
    assert roc_auc(scores, clicks) == whole


def test_the_order_of_rows_changes_no_bit():
    random = np.random.default_rng(9)
    clicks, scores = random.random(1000) < 0.1, random.random(1000).astype(np.float32)
    order = random.permutation(1000)
    assert roc_auc(scores[order], clicks[order]) == roc_auc(scores, clicks)


@pytest.mark.parametrize(("clicks", "words"), [([0, 0, 0], "is no click"), ([1, 1, 1], "are only clicks")])
def test_one_class_alone_is_refused(clicks, words):
    with pytest.raises(DataError, match=rf"among these 3 rows there {words}; take more rows \(STEPS\)"):
        auc_of([0.1, 0.2, 0.3], clicks)


def test_a_score_that_is_no_number_is_named():
    with pytest.raises(ModelError, match="the score of row 1 of 3 is NaN"):
        auc_of([0.1, float("nan"), float("nan")], [0, 1, 0])
