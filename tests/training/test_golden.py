"""Fifty steps of the reference, step by step, with its rows and its weights."""

import shutil

import numpy as np
import pytest
import torch
from training_golden import (
    BATCH_SIZE,
    SCHEDULE,
    STEPS,
    TEST_BATCH_SIZE,
    TEST_STEPS,
    open_golden,
    read_trace,
    trainer_of,
)

from pinbench.base.plugin import load_plugin, plugin_names
from pinbench.worker.metrics.click_scores import ClickScores
from pinbench.worker.ops.compiler import _NAMES
from pinbench.worker.training import dlrm as trainers
from pinbench.worker.training.schedule import learning_rate


@pytest.mark.parametrize("engine", plugin_names(trainers))
def test_losses_areas_and_final_weights_are_the_references(engine):
    trace, train, test = read_trace(), open_golden("train"), open_golden("test")
    trainer = trainer_of(load_plugin(trainers, engine), trace.begin)
    assert trainer.facts.name == engine or not any(map(shutil.which, _NAMES))
    losses, areas, correct = [], [], []
    for step in range(1, STEPS + 1):
        batch = train.piece((step - 1) * BATCH_SIZE, step * BATCH_SIZE)
        losses.append(trainer.step([batch], learning_rate(SCHEDULE, step)).item())
        if step % TEST_STEPS == 0:
            scores = ClickScores(test.rows)
            for begin in range(0, test.rows, TEST_BATCH_SIZE):
                piece = test.piece(begin, min(begin + TEST_BATCH_SIZE, test.rows))
                scores.take(trainer.predict(piece), piece.label_B)
            found = scores.judge()
            areas.append(found.auc)
            correct.append(found.correct / found.samples)
    assert np.abs(np.array(losses) - trace.loss).max() < 1e-5
    assert areas == pytest.approx(trace.auc.tolist(), abs=1e-12)
    assert correct == trace.correct_share.tolist()
    final = trainer.state()
    assert set(final) == set(trace.end)
    assert max((final[name] - torch.from_numpy(weight)).abs().max().item() for name, weight in trace.end.items()) < 1e-4
    assert max(np.abs(trace.end[name] - trace.begin[name]).max() for name in trace.end) > 0.1  # there was much to learn
