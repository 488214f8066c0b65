"""The reference's training of 50 steps: its rows, its weights before and after, and what it saw on the way."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pinbench.base.cache import cache_folder
from pinbench.contract.case import Precision
from pinbench.worker.data.criteo.batches import Split, open_split
from pinbench.worker.executable import Setting
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.training.observer import Schedule
from pinbench.worker.training.trainer import Trainer, TrainerOrder

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "training"
STEPS, BATCH_SIZE, TEST_STEPS, TEST_BATCH_SIZE, CAP = 50, 64, 25, 128, 400
SCHEDULE = Schedule(base=1.0, warmup_steps=10, decay_start_step=30, decay_steps=15)


@dataclass(frozen=True, kw_only=True)
class Trace:
    loss: np.ndarray
    rate: np.ndarray
    auc: np.ndarray
    correct_share: np.ndarray
    begin: dict[str, np.ndarray]
    end: dict[str, np.ndarray]


def read_trace() -> Trace:
    with np.load(GOLDEN / "trace.npz") as arrays:
        weights = {when: {name.removeprefix(f"{when}/"): arrays[name] for name in arrays.files if name.startswith(when)}
                   for when in ("init", "final")}  # fmt: skip
        return Trace(
            loss=arrays["loss"], rate=arrays["lr"], auc=arrays["auc"], correct_share=arrays["acc"],
            begin=weights["init"], end=weights["final"],
        )  # fmt: skip


def open_golden(split: str) -> Split:
    return open_split(GOLDEN, split, CAP)


def golden_config() -> DlrmConfig:
    return make_config(
        embedding_dim=16, bottom="13-32-24-16", over="64-48-32-24-1", table_rows=open_golden("train").table_rows,
        interaction="dot",
    )  # fmt: skip


def setting_of(precision: Precision = Precision.FP32) -> Setting:
    return Setting(precision=precision, cpus=(0,), cache=cache_folder(os.environ))


def trainer_of(engine, weights, config: DlrmConfig | None = None, precision: Precision = Precision.FP32) -> Trainer:
    """Return a trainer of `engine` that begins with `weights`, arrays or tensors by the reference's names."""
    chosen = config or golden_config()
    tensors = {name: torch.as_tensor(weight).clone() for name, weight in weights.items()}
    tables_RD = torch.cat([tensors.pop(f"emb_l.{table}.weight") for table in range(chosen.num_tables)])
    order = TrainerOrder(setting=setting_of(precision), batch_size=TEST_BATCH_SIZE)
    return engine.make(chosen, tables_RD, tensors, order)
