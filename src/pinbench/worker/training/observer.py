"""Who is told how a training goes: MLPerf's log, the curve, the progress line."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pinbench.contract.result import Evaluation as Evaluation  # of a record, and of those who are told


class Ending(StrEnum):
    """Why a training ended, in MLPerf's words."""

    SUCCESS = "success"  # the target was reached
    ABORTED = "aborted"  # all steps were made without reaching it


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The learning rate: linear warm-up, then constant, then polynomial decay."""

    base: float
    warmup_steps: int
    decay_start_step: int
    decay_steps: int
    decay_power: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """What is known of a training before its first step."""

    model: str  # "dlrm", in the words of MLPerf's benchmarks
    global_batch_size: int
    gradient_accumulation_steps: int
    schedule: Schedule
    seed: int
    train_samples: int  # of one epoch
    eval_samples: int
    steps_per_epoch: int
    epochs: int
    target_auc: float | None  # 0 to 1; None: nothing ends it early
    precision: str
    weights: Mapping[str, tuple[int, ...]]  # shapes by the reference's names


class Observer(Protocol):
    """Told of each event in this order; each call outside what is timed as a step."""

    def initialised(self, run: TrainingRun) -> None:
        """Tell that model and data are there, and nothing has been read of the training data."""

    def run_starts(self) -> None:
        """Tell that the clock of the time to train starts: the first training data may be read."""

    def epoch_starts(self, epoch: int) -> None:
        """Tell that epoch `epoch`, from 0 on, starts."""

    def evaluation_starts(self, step: int, epoch: float) -> None:
        """Tell that the model is about to be evaluated."""

    def evaluated(self, evaluation: Evaluation) -> None:
        """Tell the result."""

    def epoch_stops(self, epoch: int) -> None:
        """Tell that epoch `epoch` has ended, or the run within it."""

    def run_stops(self, ending: Ending, step: int) -> None:
        """Tell that the clock of the time to train has stopped."""
