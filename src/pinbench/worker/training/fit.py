"""The loop of a training: steps, evaluations, checkpoints and its end, told to those who want to know.

`Fit.more` and `Fit.step` are called in turn: the first does all that lies between steps, the second is what is timed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from pinbench.base.errors import DataError, ModelError
from pinbench.base.units import ns_to_s
from pinbench.contract.result import DataFlow, Evaluation, Training
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.training.checkpoint import Checkpoints, Saved
from pinbench.worker.training.evaluator import Evaluator
from pinbench.worker.training.feed import Feed, cut_up
from pinbench.worker.training.observer import Ending, Observer, TrainingRun
from pinbench.worker.training.schedule import learning_rate
from pinbench.worker.training.trainer import Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOrder:
    """How long to learn, and what to do on the way."""

    run: TrainingRun
    last_step: int  # optimizer steps at the most
    test_every: int  # steps of an epoch between evaluations; the last step of an epoch, and of all, has one besides
    save_every: int | None = None  # optimizer steps between checkpoints; None: only at evaluations
    orders: Mapping[str, str]  # see `Saved`


class Fit:
    """One training, from its first step or from a checkpoint on."""

    def __init__(
        self,
        trainer: Trainer,
        feed: Feed,
        evaluator: Evaluator,
        order: FitOrder,
        *,
        clock_ns: Callable[[], int],
        observers: Sequence[Observer] = (),
        checkpoints: Checkpoints | None = None,
        saved: Saved | None = None,
    ) -> None:
        """Prepare a training; `saved` is where the weights that the trainer has come from."""
        self._trainer = trainer
        self._feed = feed
        self._evaluator = evaluator
        self._order = order
        self._clock_ns = clock_ns
        self._observers = observers
        self._checkpoints = checkpoints
        self._resumed_step = None if saved is None else saved.step
        self._made = 0 if saved is None else saved.step  # optimizer steps
        self._loss_sum, self._loss_steps = (0.0, 0) if saved is None else (saved.loss_sum, saved.loss_steps)
        self._evaluations = [] if saved is None else list(saved.evaluations)
        self._earlier_s = 0.0 if saved is None else saved.elapsed_s
        self._begin_ns: int | None = None
        self._samples, self._loss = 0, math.nan
        self._batch: Batch | None = None
        self._ending: Ending | None = None
        for observer in observers:
            observer.initialised(order.run)

    def more(self) -> bool:
        """Do what comes between steps, the beginning and the end included; return whether there is another step.

        Raises:
            ModelError: the loss is not finite, or a checkpoint cannot be saved.
            DataError: a label is neither 0 nor 1.
        """
        if self._begin_ns is None:
            self._begin_ns = self._clock_ns()
            for observer in self._observers:
                observer.run_starts()
        else:
            self._follow_up()
        if self._ending is not None:
            return False
        if self._made % self._feed.steps_per_epoch == 0 or not self._samples:
            for observer in self._observers:
                observer.epoch_starts(self._made // self._feed.steps_per_epoch)
        self._feed.open(self._made)
        return True

    def step(self, _: object = None) -> None:
        """Make one optimizer step."""
        self._batch = self._feed.next()
        parts = cut_up(self._batch, self._order.run.gradient_accumulation_steps)
        rate = learning_rate(self._order.run.schedule, self._made + 1)
        self._loss = float(self._trainer.step(parts, rate))

    def run(self) -> Training:
        """Learn to the end without anybody who times the steps."""
        while self.more():
            self.step()
        return self.training()

    def training(self) -> Training:
        """Return what was learned."""
        reached = self._evaluations[-1].elapsed_s if self._ending is Ending.SUCCESS else None
        return Training(
            samples=self._samples,
            loss=self._loss,
            steps_per_epoch=self._feed.steps_per_epoch,
            target_auc=self._order.run.target_auc,
            reached_s=reached,
            evaluations=tuple(self._evaluations),
            resumed_step=self._resumed_step,
        )

    def flow(self) -> DataFlow:
        """Return what the steps have read."""
        return self._feed.flow()

    def close(self) -> None:
        """End the threads that read ahead."""
        self._feed.close()

    def _follow_up(self) -> None:
        assert self._batch is not None
        self._made += 1
        self._require_labels(self._batch)
        self._require_finite()
        self._samples += len(self._batch.dense_BI)
        self._loss_sum += self._loss
        self._loss_steps += 1
        is_last = self._made == self._order.last_step
        in_epoch = self._made % self._feed.steps_per_epoch
        is_tested = is_last or in_epoch == 0 or in_epoch % self._order.test_every == 0
        if is_tested:
            self._evaluate()
        if is_last and self._ending is None:
            self._ending = Ending.ABORTED
        if in_epoch == 0 or self._ending is not None:
            for observer in self._observers:
                observer.epoch_stops((self._made - 1) // self._feed.steps_per_epoch)
        if self._ending is not None:
            for observer in self._observers:
                observer.run_stops(self._ending, self._made)
        if is_tested or (self._order.save_every is not None and self._made % self._order.save_every == 0):
            self._save()

    def _evaluate(self) -> None:
        assert self._begin_ns is not None
        epoch = self._made / self._feed.steps_per_epoch
        for observer in self._observers:
            observer.evaluation_starts(self._made, epoch)
        evaluation = Evaluation(
            step=self._made,
            epoch=epoch,
            accuracy=self._evaluator.judge(self._trainer),
            train_loss=self._loss_sum / self._loss_steps,
            elapsed_s=self._elapsed_s(),
        )
        self._evaluations.append(evaluation)
        self._loss_sum, self._loss_steps = 0.0, 0
        for observer in self._observers:
            observer.evaluated(evaluation)
        target_auc = self._order.run.target_auc
        if target_auc is not None and evaluation.accuracy.auc >= target_auc:
            self._ending = Ending.SUCCESS

    def _save(self) -> None:
        if self._checkpoints is None:
            return
        epoch, in_epoch = divmod(self._made, self._feed.steps_per_epoch)
        saved = Saved(
            step=self._made,
            epoch=epoch,
            row=in_epoch * self._order.run.global_batch_size,
            seed=self._order.run.seed,
            orders=self._order.orders,
            loss_sum=self._loss_sum,
            loss_steps=self._loss_steps,
            elapsed_s=self._elapsed_s(),
            evaluations=tuple(self._evaluations),
        )
        self._checkpoints.save(saved, self._trainer.state())

    def _elapsed_s(self) -> float:
        assert self._begin_ns is not None
        return self._earlier_s + ns_to_s(self._clock_ns() - self._begin_ns)

    def _require_labels(self, batch: Batch) -> None:
        assert batch.label_B is not None
        bad_B = (batch.label_B != 0) & (batch.label_B != 1)  # NaN is neither
        if bad_B.any():
            row = int(torch.argmax(bad_B.int()))
            label = batch.label_B[row].item()
            first = (self._made - 1) % self._feed.steps_per_epoch * self._order.run.global_batch_size
            raise DataError(
                f"the label of training row {first + row} is {label:g}, but a click is 1 and no click 0; prepare the "
                "data set again"
            )

    def _require_finite(self) -> None:
        if math.isfinite(self._loss):
            return
        rate = learning_rate(self._order.run.schedule, self._made)
        kept = (
            "no checkpoint was kept (CHECKPOINT_DIR)"
            if self._checkpoints is None
            else f"of checkpoints, {self._checkpoints.last()}"
        )
        raise ModelError(
            f"the loss of step {self._made} is {self._loss:g}, at a learning rate of {rate:g}: the training has "
            f"diverged; set LEARNING_RATE lower or LR_WARMUP_STEPS higher; {kept}"
        )
