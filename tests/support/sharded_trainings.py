"""What ranks do in tests of the training on several of them; see `ranks`."""

import hashlib
import itertools
import os
import signal

import numpy as np
import torch
from small_dlrm import RATE, batch_of, config_of, weights_of
from training_golden import (
    BATCH_SIZE,
    SCHEDULE,
    TEST_BATCH_SIZE,
    golden_config,
    open_golden,
    read_trace,
    setting_of,
)

from pinbench.base.errors import DataError
from pinbench.contract.case import Precision
from pinbench.worker.training.dlrm import _sharded, _sharded_pinned
from pinbench.worker.training.dlrm._parts import tables_of_ranks
from pinbench.worker.training.schedule import learning_rate
from pinbench.worker.training.trainer import TrainerOrder

MAKE = {"eager": _sharded.make, "pinned": _sharded_pinned.make}


def sharded_of(group, weights, config, precision=Precision.FP32, engine="eager"):
    tensors = {name: torch.as_tensor(weight).clone() for name, weight in weights.items()}
    tables = [tensors.pop(f"emb_l.{table}.weight") for table in range(config.num_tables)]
    own = [tables[table] for table in tables_of_ranks(config.table_rows, group.ranks)[group.rank]]
    tables_RD = torch.cat([torch.empty(0, config.embedding_dim), *own])
    order = TrainerOrder(setting=setting_of(precision), batch_size=256)
    return MAKE[engine](config, tables_RD, tensors, order, group)


def save(trainer, group, path):
    """Write the weights of all ranks; rank 0 does."""
    state = trainer.state()
    if group.rank == 0:
        np.savez(path, **{name: weight.numpy() for name, weight in state.items()})
        state.release()
    else:
        state.serve()


# After so many steps a unit of one row lies 3e-8 from the kink of its ReLU, which is less than fp32 can tell: on which
# side it falls depends on the order of sums, and the losses of later steps with it, by 3e-3.
STEPS = 27
# Of the batches of `small`: with these rows no unit comes nearer to its kink than 7e-5 in fifty steps (in float64).
SEED = 500


def golden(group, engine, parts, path):
    """Learn golden steps in `parts` micro-batches each; return losses, probabilities and what a rank holds."""
    train, test = open_golden("train"), open_golden("test")
    trainer = sharded_of(group, read_trace().begin, golden_config(), engine=engine)
    losses, probabilities = [], []
    for step in range(1, STEPS + 1):
        begin, end = (step - 1) * BATCH_SIZE, step * BATCH_SIZE
        cuts = [begin + BATCH_SIZE * number // int(parts) for number in range(int(parts))] + [end]
        micro_batches = [train.piece(*cut) for cut in itertools.pairwise(cuts)]
        losses.append(trainer.step(micro_batches, learning_rate(SCHEDULE, step)).item())
    for begin in range(0, test.rows, TEST_BATCH_SIZE):
        piece = test.piece(begin, min(begin + TEST_BATCH_SIZE, test.rows))
        probabilities += trainer.predict(piece).tolist()
    save(trainer, group, path)
    weights = trainer.weights_of(test.piece(0, 1))
    stacks = b"".join(weight.numpy().tobytes() for name, weight in weights.items() if not name.startswith("emb_l"))
    return {
        "losses": losses,
        "probabilities": probabilities,
        "stacks": hashlib.sha256(stacks).hexdigest(),
        "rows": len(trainer._shards.tables_RD),
        "engine": trainer.facts.name,
        "facts": dict(trainer.facts.settings),
    }


def small(group, engine, precision, sizes, path):
    """Learn one step each of batches with so many rows, of a small model; return the losses."""
    config = config_of()
    trainer = sharded_of(group, weights_of(config), config, Precision(precision), engine)
    losses = [
        trainer.step([batch_of(config, int(rows), seed)], RATE).item()
        for seed, rows in enumerate(sizes.split(","), SEED)
    ]
    save(trainer, group, path)
    return losses


def ends(group, way, path):
    """Learn until a rank ends after a few steps: rank 1 with a reason of its own, or the one of "killed RANK"."""
    config = config_of()
    trainer = sharded_of(group, weights_of(config), config)
    killed = int(way.removeprefix("killed")) if way != "reason" else None
    for seed in range(1_000_000):
        trainer.step([batch_of(config, 40, seed)], RATE)
        if seed == 3 and group.rank == killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == 3 and killed is None and group.rank == 1:
            raise DataError("the label of training row 7 is 3")


def differs(group):
    group.require_same({"BATCH_SIZE": "64", "SEED": str(group.rank // 2)})
