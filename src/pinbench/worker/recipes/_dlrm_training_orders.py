"""What the parameters of a case say of a DLRM training, and where it stands when it goes on with a checkpoint."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.case import Case, Mode
from pinbench.worker.data.criteo.batches import Split
from pinbench.worker.data.lock import take_lock
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin, expected_shapes
from pinbench.worker.models.dlrm.config import DlrmConfig, Interaction
from pinbench.worker.models.dlrm.rows import WeightOrigin
from pinbench.worker.training.checkpoint import Checkpoints, Saved, read_saved, require_rest, require_same
from pinbench.worker.training.distributed.checkpoints import RankCheckpoints
from pinbench.worker.training.fit import FitOrder
from pinbench.worker.training.observer import Schedule, TrainingRun
from pinbench.worker.training.schedule import require

# Of an epoch: MLPerf's DLRM is evaluated after each twentieth of it (its reference's bench/run_and_time.sh).
_TESTS_PER_EPOCH = 20
# Parameters that a training which goes on must share with its beginning.
_SHARED = ("GRADIENT_ACCUMULATION", "LEARNING_RATE", "LR_WARMUP_STEPS", "LR_DECAY_START_STEP", "LR_DECAY_STEPS")


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a training begins, and where it leaves checkpoints."""

    origin: WeightOrigin | None = None  # of the checkpoint that it goes on with
    saved: Saved | None = None
    checkpoints: Checkpoints | None = None
    release: Callable[[], None] = _nothing  # gives the folder free


def schedule_of(case: Case) -> Schedule:
    """Return the learning rate of the case.

    Raises:
        UsageError: its decay starts within its warm-up.
    """
    own = case.knobs.own
    schedule = Schedule(
        base=float(own["LEARNING_RATE"]),
        warmup_steps=int(own["LR_WARMUP_STEPS"]),
        decay_start_step=int(own["LR_DECAY_START_STEP"]),
        decay_steps=int(own["LR_DECAY_STEPS"]),
    )
    require(schedule)
    return schedule


def eval_batch_size(case: Case) -> int:
    """Return the rows of a batch that is evaluated."""
    return int(case.knobs.own["TEST_BATCH_SIZE"])


def evaluated_rows(case: Case, test: Split) -> int:
    """Return how many rows of the test split each evaluation scores: all, or those of TEST_STEPS batches."""
    steps = case.knobs.own.get("TEST_STEPS")
    return test.rows if steps is None else min(test.rows, int(steps) * eval_batch_size(case))


def training_run(case: Case, config: DlrmConfig, train: Split, eval_rows: int) -> TrainingRun:
    """Return what is known of the training before its first step."""
    knobs = case.knobs
    target = knobs.own.get("TARGET_AUC")
    return TrainingRun(
        model="dlrm" if config.interaction is not Interaction.DCN else "dlrm_dcnv2",
        global_batch_size=knobs.batch_size,
        gradient_accumulation_steps=int(knobs.own["GRADIENT_ACCUMULATION"]),
        schedule=schedule_of(case),
        seed=knobs.seed,
        train_samples=train.rows,
        eval_samples=eval_rows,
        steps_per_epoch=-(-train.rows // knobs.batch_size),
        epochs=int(knobs.own["EPOCHS"]),
        target_auc=None if target is None else float(target),
        precision=case.precision.value,
        weights=expected_shapes(config),
    )


def fit_order(case: Case, run: TrainingRun) -> FitOrder:
    """Return how long to learn, and what to do on the way."""
    own = case.knobs.own
    test_every, save_every = own.get("TEST_FREQ"), own.get("CHECKPOINT_FREQ")
    return FitOrder(
        run=run,
        last_step=_last_step(case, run.steps_per_epoch),
        test_every=max(1, round(run.steps_per_epoch / _TESTS_PER_EPOCH)) if test_every is None else int(test_every),
        save_every=None if save_every is None else int(save_every),
        orders=_orders(case, run.train_samples),
    )


def stand_of(case: Case, train: Split | None, config: DlrmConfig, rank: int | None = None) -> Stand:
    """Return where the training begins; the folder of its checkpoints is its own until `release`.

    `rank` is that of a training on several, of which rank 0 alone writes into the folder.

    Raises:
        UsageError: the folder holds a checkpoint and nobody said to go on with it, or the other way round, or with
            other orders.
        ModelError: the checkpoint is damaged, or of another model.
        DataError: another training is at work in the folder.
    """
    own = case.knobs.own
    folder = own.get("CHECKPOINT_DIR")
    if case.mode is not Mode.ACCURACY or train is None or folder is None:
        if own.get("RESUME"):
            raise UsageError(
                "RESUME=True goes on with a checkpoint; set CHECKPOINT_DIR to its folder, and MODE=accuracy"
            )
        return Stand()
    # Of several ranks the first one alone writes.
    release = _nothing if rank else partial(os.close, _taken(Path(str(folder))))
    checkpoints = Checkpoints(Path(str(folder))) if rank is None else RankCheckpoints(Path(str(folder)), rank)
    try:
        origin, saved = _gone_on_with(case, train, config, checkpoints.path) if own.get("RESUME") else (None, None)
    except BaseException:
        release()
        raise
    if saved is None and not rank and checkpoints.path.exists():
        release()
        raise UsageError(f"{checkpoints.path} exists; RESUME=True goes on with it, another CHECKPOINT_DIR begins anew")
    return Stand(origin=origin, saved=saved, checkpoints=checkpoints, release=release)


def _gone_on_with(case: Case, train: Split, config: DlrmConfig, path: Path) -> tuple[WeightOrigin, Saved]:
    saved = read_saved(path)
    target = case.knobs.own.get("TARGET_AUC")
    require_same(saved, _orders(case, train.rows), path)
    last_step = _last_step(case, -(-train.rows // case.knobs.batch_size))
    require_rest(saved, last_step, None if target is None else float(target), path)
    return CheckpointOrigin(path, config), saved


def _taken(folder: Path) -> int:
    try:
        return take_lock(
            folder / ".lock", f"another training is at work in CHECKPOINT_DIR={folder}; name another, or wait for it"
        )
    except OSError as error:
        raise DataError(f"CHECKPOINT_DIR={folder} cannot be written: {error.strerror}; name another folder") from error


def _last_step(case: Case, steps_per_epoch: int) -> int:
    steps = steps_per_epoch * int(case.knobs.own["EPOCHS"])
    return steps if case.knobs.steps is None else min(steps, case.knobs.steps)


def _orders(case: Case, rows: int) -> Mapping[str, str]:
    knobs = case.knobs
    return {
        "BATCH_SIZE": str(knobs.batch_size),
        "SEED": str(knobs.seed),
        "PRECISION": case.precision.value,
        "ENGINE": knobs.engine,
        "training rows": str(rows),
        **{name: str(knobs.own[name]) for name in _SHARED},
        **({"SPLIT_TABLES": "True"} if knobs.own.get("SPLIT_TABLES") else {}),
    }
