"""The loop on the reference's training: what it learns, when it looks, when it ends, and what it refuses."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from training_golden import open_golden, read_trace, trainer_of
from training_runs import fit_of, resumed

from pinbench.base.errors import DataError, ModelError
from pinbench.worker.data.criteo.form import Rows
from pinbench.worker.training.checkpoint import FILE, read_saved
from pinbench.worker.training.dlrm import eager
from pinbench.worker.training.fit import Fit


class Notes:
    """An observer that writes down what it is told."""

    def __init__(self):
        self.lines = []

    def __getattr__(self, name):
        return lambda *arguments: self.lines.append((name, *arguments))

    def names(self):
        return [line[0] for line in self.lines]

    def of(self, name):
        return [line[1:] for line in self.lines if line[0] == name]


def ran(fit: Fit):
    try:
        return fit.run()
    finally:
        fit.close()


def no_labels_but(train, row, label):
    """Return the split `train` with another label in one row."""
    real = train._reader.read

    class Reader:
        def __getattr__(self, name):
            return getattr(type(self).base, name)

        def read(self, begin, end):
            rows = real(begin, end)
            labels = rows.label_B.astype(np.float32)
            if begin <= row < end:
                labels[row - begin] = label
            return Rows(label_B=labels, dense_BI=rows.dense_BI, sparse_BF=rows.sparse_BF)

    Reader.base = train._reader
    train._reader = Reader()
    return train


def test_it_learns_what_the_reference_learns_and_looks_where_it_looks():
    trace, losses = read_trace(), []
    trainer = trainer_of(eager, trace.begin)
    step = trainer.step

    def noted(batches, rate):
        loss = step(batches, rate)
        losses.append((loss.item(), rate))
        return loss

    trainer.step = noted
    training = ran(fit_of(trainer=trainer))
    assert [rate for _, rate in losses] == trace.rate.tolist()
    assert np.abs(np.array([loss for loss, _ in losses]) - trace.loss).max() < 1e-5
    assert [found.step for found in training.evaluations] == [25, 50]
    assert [found.accuracy.auc for found in training.evaluations] == pytest.approx(trace.auc.tolist(), abs=1e-12)
    assert training.evaluations[0].train_loss == pytest.approx(trace.loss[:25].mean(), abs=1e-6)
    assert training.evaluations[1].train_loss == pytest.approx(trace.loss[25:].mean(), abs=1e-6)
    assert (training.samples, training.steps_per_epoch, training.reached_s) == (3200, 50, None)
    assert training.loss == losses[-1][0]
    final = trainer.state()
    assert max((final[name] - torch.from_numpy(weight)).abs().max().item() for name, weight in trace.end.items()) < 1e-4


def test_the_target_really_ends_it_and_its_time_includes_the_evaluations():
    notes, clock_ns = Notes(), itertools.count(0, 10**9)
    # it is read at the beginning and after each evaluation
    training = ran(fit_of(observers=[notes], clock_ns=lambda: next(clock_ns), target_auc=0.59, epochs=3, last_step=150))
    assert (training.samples, len(training.evaluations)) == (25 * 64, 1)
    assert training.reached_s == training.evaluations[0].elapsed_s == 1.0
    assert notes.of("run_stops") == [("success", 25)]
    assert ran(fit_of(target_auc=0.9)).reached_s is None


def test_observers_are_told_in_order_of_what_happens():
    notes = Notes()
    ran(fit_of(observers=[notes], epochs=2, last_step=90, test_every=30))
    test = ["evaluation_starts", "evaluated"]
    assert notes.names() == [
        "initialised", "run_starts", "epoch_starts", *test, *test, "epoch_stops",
        "epoch_starts", *test, *test, "epoch_stops", "run_stops",
    ]  # fmt: skip
    assert notes.of("evaluation_starts") == [(30, 0.6), (50, 1.0), (80, 1.6), (90, 1.8)]
    assert (notes.of("epoch_starts"), notes.of("epoch_stops")) == ([(0,), (1,)], [(0,), (1,)])
    assert notes.of("run_stops") == [("aborted", 90)]


def test_an_epoch_has_each_row_once_whatever_the_batch_and_the_next_one_begins_at_the_first_row():
    labels = open_golden("train").piece(0, 3200).label_B
    seen = []
    trainer = trainer_of(eager, read_trace().begin)
    step = trainer.step
    trainer.step = lambda batches, rate: seen.append(torch.cat([b.label_B for b in batches])) or step(batches, rate)
    fit = fit_of(trainer=trainer, batch_size=300, last_step=22, epochs=2, test_every=100)
    training = ran(fit)
    assert [len(batch) for batch in seen] == [*[300] * 10, 200] * 2
    assert torch.equal(torch.cat(seen), torch.cat([labels, labels]))
    assert (training.samples, training.steps_per_epoch) == (6400, 11)
    assert (fit.flow().rows, fit.flow().read_bytes) == (6400, 6400 * 160)


def test_batches_are_ready_before_the_step_before_has_ended():
    fit = fit_of(test_every=100)
    ran(fit)
    assert fit.flow().waits <= 1  # for the very first one


def test_gradient_accumulation_gives_the_same_training_in_smaller_pieces():
    sizes, trainer = set(), trainer_of(eager, read_trace().begin)
    step = trainer.step
    trainer.step = lambda batches, rate: sizes.update(len(b.dense_BI) for b in batches) or step(batches, rate)
    training = ran(fit_of(trainer=trainer, gradient_accumulation_steps=3))
    assert sizes == {21, 22}
    # From step 28 on one unit lies 3e-8 from the kink of its ReLU: sums in another order may fall on its other side.
    first, last = (found.accuracy.auc for found in training.evaluations)
    assert first == pytest.approx(read_trace().auc[0], abs=1e-6)
    assert last == pytest.approx(read_trace().auc[1], abs=5e-3)


@pytest.mark.parametrize("label", [2.0, 0.5, -1.0, math.nan])
def test_a_label_that_is_neither_0_nor_1_is_refused_with_its_row(tmp_path, label):
    train = no_labels_but(open_golden("train"), 1900, label)
    with pytest.raises(DataError, match=f"the label of training row 1900 is {label:g}, but a click is 1"):
        ran(fit_of(train=train, folder=tmp_path))
    assert read_saved(tmp_path / FILE).step == 25


def test_a_loss_that_is_no_number_names_step_and_way_out_and_leaves_the_last_checkpoint(tmp_path):
    trainer = trainer_of(eager, read_trace().begin)
    step, calls = trainer.step, itertools.count(1)
    trainer.step = lambda batches, rate: step(batches, 1e30 if next(calls) == 31 else rate)
    with pytest.raises(
        ModelError,
        match=r"the loss of step 32 is (nan|inf), at a learning rate of .*LEARNING_RATE lower.*of step 25 is intact",
    ):
        ran(fit_of(trainer=trainer, folder=tmp_path))
    assert ran(resumed(folder=tmp_path)).evaluations[-1].step == 50


def test_without_checkpoints_a_loss_that_is_no_number_says_that_none_was_kept():
    with pytest.raises(ModelError, match=r"the loss of step \d+ is .*no checkpoint was kept \(CHECKPOINT_DIR\)"):
        ran(fit_of(schedule=replace(fit_of()._order.run.schedule, base=1e30)))
