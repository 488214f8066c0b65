import math
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import roc_auc_score

from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.planted import CLICK_SHARE, TARGET_AUC, bayes_area, plant
from pinbench.worker.data.criteo.synthetic_rows.draw import category_hash, draw_rows

DENSE = 13


@cache
def planted(seed=0):
    return plant(None, seed)


@cache
def drawn(rows, day=0):
    return draw_rows(planted()[0], day, 0, rows)


def error_of_drawn_labels(label, score):
    """The standard error of an area by the placements of DeLong, DeLong and Clarke-Pearson 1988 (no ties here)."""
    clicked, skipped = np.sort(score[label == 1]), np.sort(score[label == 0])
    of_clicked = np.searchsorted(skipped, clicked) / len(skipped)
    of_skipped = np.searchsorted(clicked, skipped) / len(clicked)
    return math.sqrt(of_clicked.var() / len(clicked) + of_skipped.var() / len(skipped))


def test_the_area_is_that_of_all_pairs_one_by_one():
    click = np.array([0.1, 0.7, 0.7, 0.25, 0.01, 0.7, 0.25, 0.9])
    right = pairs = 0.0
    for i, p in enumerate(click):
        for j, q in enumerate(click):
            if i != j:
                pairs += p * (1 - q)
                right += p * (1 - q) * (1.0 if p > q else 0.5 if p == q else 0.0)
    assert bayes_area(click).auc == pytest.approx(right / pairs, rel=1e-12)
    assert bayes_area(np.full(100, 0.3)).auc == pytest.approx(0.5, rel=1e-12)


def test_the_standard_error_is_how_much_the_area_varies_from_sample_to_sample():
    random = np.random.default_rng(5)
    areas = [bayes_area(random.beta(0.5, 6, 1_000)) for _ in range(400)]
    observed = np.std([area.auc for area in areas])
    assert np.mean([area.standard_error for area in areas]) == pytest.approx(observed, rel=0.12)


def test_the_law_has_the_wanted_area_and_clicks():
    for seed in (0, 1, 2):
        area = planted(seed)[1]
        assert area.auc == pytest.approx(TARGET_AUC, abs=0.002)
        assert area.standard_error < 0.0003
        assert area.click_share == pytest.approx(CLICK_SHARE, rel=0.02)


def test_labels_drawn_with_the_probabilities_reach_the_stated_area():
    rows, area = drawn(400_000), planted()[1]
    reached = roc_auc_score(rows.label_B, rows.click_B)
    error = math.hypot(error_of_drawn_labels(rows.label_B, rows.click_B), area.standard_error)
    assert error < 0.003
    assert abs(reached - area.auc) < 3 * error
    assert rows.label_B.mean() == pytest.approx(area.click_share, rel=0.03)


def test_the_probability_follows_from_the_fields_of_a_row():
    recipe = planted()[0]
    rows = drawn(400_000)
    effects = [{} for _ in range(26)]
    for index, effect in enumerate(effects):
        law = recipe.laws[DENSE + index]
        for place in np.flatnonzero((law.low_R >= 0) & (law.low_R < 128) & (law.width_R == 1)):
            hashed = int(category_hash(np.uint32(law.low_R[place]), np.uint32(index)))
            effect[hashed] = recipe.effect_OR[DENSE + index, place]
    for row in range(100):
        odds = recipe.bias
        for column in range(DENSE):
            law, value = recipe.laws[column], max(int(rows.dense_IB[column, row]), 0)  # empty and -1 count as 0
            place = max(p for p in range(len(law.low_R)) if law.width_R[p] and 0 <= law.low_R[p] <= value)
            odds += recipe.effect_OR[column, place]
        for index, effect in enumerate(effects):
            is_empty = rows.missing_B[row] >> index & 1
            odds += 0.0 if is_empty else effect.get(int(rows.hash_FB[index, row]), 0.0)
        assert rows.click_B[row] == pytest.approx(1 / (1 + math.exp(-odds)), rel=1e-9)


def test_an_integer_counts_by_its_logarithm():
    recipe = planted()[0]
    law, effect = recipe.laws[1], recipe.effect_OR[1]
    of_value = {int(low): float(gain) for low, gain in zip(law.low_R[:200], effect[:200], strict=True)}
    assert of_value[MISSING] == of_value[-1] == of_value[0]
    steps = [(of_value[x] - of_value[0]) / math.log(x + 1) for x in (1, 5, 30, 100)]
    assert steps == pytest.approx([steps[0]] * 4, rel=1e-9)
    assert steps[0] != 0


def test_a_seed_has_its_own_law_and_always_the_same():
    first, again, other = plant(None, 0), planted(0), planted(1)
    assert (first[0].effect_OR == again[0].effect_OR).all()
    assert first[1] == again[1]
    assert abs(np.corrcoef(first[0].effect_OR[DENSE:].ravel(), other[0].effect_OR[DENSE:].ravel())[0, 1]) < 0.1


def test_columns_of_one_value_leave_the_integers_to_tell():
    _, area = plant((1,) * 26, 0)
    assert area.auc == pytest.approx(TARGET_AUC, abs=0.002)


def test_a_logistic_regression_on_hashed_features_learns_most_of_it():
    train, test = (features(drawn(300_000, day)) for day in (0, 1))
    model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=4, tol=None, average=True, random_state=0)
    model.fit(train, drawn(300_000, 0).label_B)
    reached = roc_auc_score(drawn(300_000, 1).label_B, model.decision_function(test))
    best = planted()[1].auc
    assert 0.5 + 0.85 * (best - 0.5) < reached < best + 0.01


def features(rows):
    """One-hot hashes in 2 ** 18 buckets, and log(x + 1) of the integers at about unit size."""
    bucket = (rows.hash_FB.astype(np.int64) * 31 + np.arange(26)[:, None] * 7_919) % (1 << 18)
    count = len(rows.label_B)
    hashed = sparse.csr_matrix(
        (np.ones(26 * count), bucket.T.ravel(), np.arange(0, 26 * count + 1, 26)), shape=(count, 1 << 18)
    )
    return sparse.hstack([hashed, sparse.csr_matrix(np.log1p(np.maximum(rows.dense_IB, 0)).T / 3)]).tocsr()
