"""Models made ready by an engine as a run does it, for tests that care for the outputs."""

import os

import torch

from pinbench.base.cache import cache_folder
from pinbench.contract.case import Precision
from pinbench.worker.executable import Setting


def executable(engine, model, batch_size, **changes):
    """Return `model`, of Criteo's inputs, made ready by `engine`; `changes` are fields of the setting."""
    inputs = (torch.zeros(batch_size, 13), torch.zeros(batch_size, 26, dtype=torch.int64))
    return made_ready(engine, model, inputs, **changes)


def made_ready(engine, model, inputs, **changes):
    """Return `model` made ready by `engine` for `inputs`; `changes` are fields of the setting."""
    chosen = {
        "precision": Precision.FP32,
        "cpus": tuple(sorted(os.sched_getaffinity(0))),
        "cache": cache_folder(os.environ),
    } | changes
    return engine.compile(model, inputs, Setting(**chosen))
