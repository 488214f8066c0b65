import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from pinbench.base.errors import ModelError
from pinbench.worker.metrics import click_scores
from pinbench.worker.metrics.click_scores import ClickScores


def scored(probability, label, batch_size):
    scores = ClickScores(len(label))
    for begin in range(0, len(label), batch_size):
        scores.take(probability[begin : begin + batch_size], label[begin : begin + batch_size])
    return scores


def test_all_figures_are_those_of_sklearn(monkeypatch):
    monkeypatch.setattr(click_scores, "_PIECE", 100)
    torch.manual_seed(3)
    label = (torch.rand(1003) < 0.3).float()
    probability = (torch.rand(1003) * 0.6 + label * 0.3).clamp(0, 1)
    probability[:3], label[:3] = torch.tensor([0.0, 1.0, 0.5]), torch.tensor([1.0, 0.0, 1.0])
    found = scored(probability, label, 50).judge()
    expected, clicks = probability.numpy(), label.numpy() > 0
    assert (found.samples, found.clicks) == (1003, clicks.sum())
    assert found.auc == pytest.approx(roc_auc_score(clicks, expected), abs=1e-12)
    assert found.correct / 1003 == pytest.approx(accuracy_score(clicks, np.round(expected)))
    assert found.log_loss == pytest.approx(log_loss(clicks, expected), abs=1e-6)


def test_rows_that_only_fill_up_the_last_batch_are_not_counted():
    scores = ClickScores(5)
    for begin in (0, 3):
        scores.take(torch.arange(begin, begin + 3) / 10, torch.tensor([0.0, 1.0, 1.0]))
    assert scores.taken == 5
    probability, click = scores.part(0, 5)
    assert probability.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert click.tolist() == [False, True, True, False, True]


def test_bfloat16_probabilities_are_taken_as_they_are():
    scores = ClickScores(2)
    scores.take(torch.tensor([0.30078125, 0.5], dtype=torch.bfloat16), torch.tensor([0.0, 1.0]))
    assert scores.part(0, 2)[0].tolist() == [0.30078125, 0.5]
    assert scores.judge().auc == 1.0


def test_a_probability_that_is_no_number_is_refused():
    with pytest.raises(ModelError, match="row 1 of 2 is NaN"):
        scored(torch.tensor([0.5, float("nan")]), torch.tensor([0.0, 1.0]), 2).judge()


def test_a_row_that_was_not_scored_is_our_own_mistake():
    scores = ClickScores(3)
    scores.take(torch.tensor([0.5, 0.6]), torch.tensor([0.0, 1.0]))
    with pytest.raises(AssertionError, match="2 of 3 rows were scored"):
        scores.judge()
    assert np.count_nonzero(scores.part(0, 3)[1]) == 1
