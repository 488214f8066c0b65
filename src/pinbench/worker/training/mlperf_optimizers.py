"""What MLPerf's log tells of an optimizer: one class each, with the keys that the rules know it by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pinbench.contract.case import Scalar
from pinbench.worker.training.observer import TrainingRun


class Optimizer(Protocol):
    """An optimizer with what its schedule does not tell."""

    def keys(self, run: TrainingRun) -> Mapping[str, Scalar]:
        """Return the values of `run` and of the optimizer by MLPerf's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sgd:
    """Plain SGD, as of dlrm. These very names are what the rules ask for (training 2.1.0, closed_dlrm.yaml)."""

    def keys(self, run: TrainingRun) -> Mapping[str, Scalar]:
        """Return the schedule."""
        schedule = run.schedule
        return {
            "opt_name": "sgd",
            "opt_base_learning_rate": schedule.base,
            "opt_learning_rate_warmup_steps": schedule.warmup_steps,
            "lr_decay_start_steps": schedule.decay_start_step,
            "sgd_opt_base_learning_rate": schedule.base,
            "sgd_opt_learning_rate_decay_poly_power": schedule.decay_power,
            "sgd_opt_learning_rate_decay_steps": schedule.decay_steps,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Adagrad:
    """Adagrad, as of dlrm_dcnv2, where the rules allow no other values than these (closed_dlrm_dcnv2.yaml)."""

    learning_rate_decay: float = 0
    weight_decay: float = 0
    initial_accumulator_value: float = 0
    epsilon: float = 1e-8

    def keys(self, run: TrainingRun) -> Mapping[str, Scalar]:
        """Return the schedule and the constants."""
        schedule = run.schedule
        return {
            "opt_name": "adagrad",
            "opt_base_learning_rate": schedule.base,
            "opt_adagrad_learning_rate_decay": self.learning_rate_decay,
            "opt_weight_decay": self.weight_decay,
            "opt_adagrad_initial_accumulator_value": self.initial_accumulator_value,
            "opt_adagrad_epsilon": self.epsilon,
            "opt_learning_rate_warmup_steps": schedule.warmup_steps,
            "opt_learning_rate_decay_start_step": schedule.decay_start_step,
            "opt_learning_rate_decay_steps": schedule.decay_steps,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamb:
    """LAMB, as of bert's pre-training (training 5.0.0, closed_bert.yaml)."""

    epsilon: float
    beta_1: float
    beta_2: float
    weight_decay_rate: float

    def keys(self, run: TrainingRun) -> Mapping[str, Scalar]:
        """Return the schedule and the constants."""
        schedule = run.schedule
        return {
            "opt_name": "lamb",
            "opt_base_learning_rate": schedule.base,
            "opt_lamb_epsilon": self.epsilon,
            "opt_lamb_beta_1": self.beta_1,
            "opt_lamb_beta_2": self.beta_2,
            "opt_lamb_weight_decay_rate": self.weight_decay_rate,
            "opt_lamb_learning_rate_decay_poly_power": schedule.decay_power,
            "opt_learning_rate_training_steps": run.steps_per_epoch * run.epochs,
            "opt_learning_rate_warmup_steps": schedule.warmup_steps,
            "num_warmup_steps": schedule.warmup_steps,
            "start_warmup_step": 0,
        }
