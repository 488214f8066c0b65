"""A line for each evaluation of a training, for those who watch it."""

from collections.abc import Callable

from pinbench.base.units import PERCENT
from pinbench.worker.training.observer import Ending, Evaluation, TrainingRun


class ProgressLines:
    """An `Observer` that says how far the training has come."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._run: TrainingRun | None = None

    def initialised(self, run: TrainingRun) -> None:
        """Say what is about to be learned."""
        self._run = run
        target = "" if run.target_auc is None else f", until the AUC is {run.target_auc * PERCENT:g} %"
        self._say(
            f"training: {run.train_samples} rows in steps of {run.global_batch_size}, {run.epochs} epochs of "
            f"{run.steps_per_epoch} steps, evaluated on {run.eval_samples} rows{target}"
        )

    def run_starts(self) -> None:
        """Say nothing."""

    def epoch_starts(self, epoch: int) -> None:
        """Say nothing."""

    def evaluation_starts(self, step: int, epoch: float) -> None:
        """Say nothing."""

    def evaluated(self, evaluation: Evaluation) -> None:
        """Say the result."""
        found = evaluation.accuracy
        self._say(
            f"training: step {evaluation.step} (epoch {evaluation.epoch:.2f}), {evaluation.elapsed_s:.1f} s: "
            f"AUC {found.auc * PERCENT:.3f} %, log loss {found.log_loss:.5f}, training loss {evaluation.train_loss:.5f}"
        )

    def epoch_stops(self, epoch: int) -> None:
        """Say nothing."""

    def run_stops(self, ending: Ending, step: int) -> None:
        """Say how it ended."""
        how = "the target is reached" if ending is Ending.SUCCESS else "all steps are made"
        self._say(f"training: ended after step {step}: {how}")
