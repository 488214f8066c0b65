"""The golden training as a `Fit`, and as a program: a process that can be killed while it trains.

As a program it trains into a folder, goes on with what is there, and ends with the step that it resumed from.
"""

import sys
import time
from pathlib import Path

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

from pinbench.worker.models.checkpoint_file import read_checkpoint
from pinbench.worker.training.checkpoint import FILE, Checkpoints, read_saved
from pinbench.worker.training.dlrm import eager
from pinbench.worker.training.evaluator import Evaluator
from pinbench.worker.training.feed import Feed, Reading
from pinbench.worker.training.fit import Fit, FitOrder
from pinbench.worker.training.observer import TrainingRun

READING = Reading(threads=2, cpus=(0,))
ORDERS = {"LEARNING_RATE": "1.0", "SEED": "123"}


def run_of(**changes):
    chosen = {
        "model": "dlrm", "global_batch_size": BATCH_SIZE, "gradient_accumulation_steps": 1, "schedule": SCHEDULE,
        "seed": 123, "train_samples": 3200, "eval_samples": 500, "steps_per_epoch": STEPS, "epochs": 1,
        "target_auc": None, "precision": "fp32", "weights": {},
    }  # fmt: skip
    return TrainingRun(**(chosen | changes))


def fit_of(  # every argument is what one test or another varies
    *, trainer=None, train=None, test=None, folder=None, saved=None, observers=(), last_step=STEPS,
    test_every=TEST_STEPS, save_every=None, clock_ns=time.monotonic_ns, batch_size=BATCH_SIZE, **run,
):  # fmt: skip
    """Return the golden training, changed as the arguments say; `folder` gets its checkpoints."""
    source = test or open_golden("test")
    return Fit(
        trainer or trainer_of(eager, read_trace().begin),
        Feed(train or open_golden("train"), batch_size, READING),
        Evaluator(source, source.rows, TEST_BATCH_SIZE, READING, None),
        FitOrder(run=run_of(**({"global_batch_size": batch_size} | run)), last_step=last_step, test_every=test_every,
                 save_every=save_every, orders=ORDERS),
        clock_ns=clock_ns, observers=observers, saved=saved,
        checkpoints=None if folder is None else Checkpoints(folder),
    )  # fmt: skip


def resumed(*, folder, **changes):
    """Return the training that goes on with the checkpoint in `folder`."""
    weights = read_checkpoint(folder / FILE)["state_dict"]
    saved = read_saved(folder / FILE)
    return fit_of(trainer=trainer_of(eager, weights), folder=folder, saved=saved, **changes)


def final_weights(folder):
    return {name: weight.clone() for name, weight in read_checkpoint(folder / FILE)["state_dict"].items()}


def _main(folder: Path) -> None:
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    make = resumed if (folder / FILE).exists() else fit_of
    fit = make(folder=folder, save_every=3)
    sys.stdout.write("begin\n")
    sys.stdout.flush()
    try:
        training = fit.run()
    finally:
        fit.close()
    sys.stdout.write(f"{training.resumed_step}\n")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
