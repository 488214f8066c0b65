"""Training of DLRM: its step at full speed (throughput), or a model that reaches its target (accuracy)."""

import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from pinbench.base.errors import ModelError, UsageError
from pinbench.base.plugin import load_plugin, plugin_names
from pinbench.contract.case import Mode
from pinbench.contract.plan import Instance
from pinbench.contract.result import Accuracy, DataFacts, IsaReadback, ModelFacts, Training
from pinbench.worker import precision as precisions
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import Split, synthetic_batches
from pinbench.worker.gate_client import GateClient
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.verbose import read_dispatch, read_header
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm_adagrad import (
    CHECKED_RATE,
    accumulated_of,
    learns_by_adagrad,
    optimizer_of,
    rows_with_sums,
    trainers_of,
)
from pinbench.worker.recipes._dlrm_parts import (
    Model,
    is_end_to_end,
    make_tables,
    model_facts,
    open_split_of,
    reading_steps,
    ready_batches,
    sizes_of,
    weight_origin,
)
from pinbench.worker.recipes._dlrm_ranks import (
    in_step,
    leaving,
    meet,
    own_tables,
    require_same_beginning,
    rows_held,
    trainer_of,
)
from pinbench.worker.recipes._dlrm_training_check import Allowance, check
from pinbench.worker.recipes._dlrm_training_memory import WARM_UP_BATCHES, remainder_bytes
from pinbench.worker.recipes._dlrm_training_orders import (
    Stand,
    eval_batch_size,
    evaluated_rows,
    fit_order,
    schedule_of,
    stand_of,
    training_run,
)
from pinbench.worker.recipes._setting import setting_of
from pinbench.worker.training.distributed.group import Group
from pinbench.worker.training.evaluator import Evaluator
from pinbench.worker.training.feed import Feed, Reading, cut_up
from pinbench.worker.training.fit import Fit
from pinbench.worker.training.mlperf_log import open_log
from pinbench.worker.training.observer import Observer, Schedule
from pinbench.worker.training.progress import ProgressLines
from pinbench.worker.training.schedule import learning_rate
from pinbench.worker.training.trainer import Trainer, TrainerOrder

_TRAIN, _TEST = "train", "test"  # splits
# Of one sample's work: forward once, and backward twice that, for the gradients of the inputs and of the weights.
_PASSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Splits:
    """The rows to learn from and those to evaluate on; None: made up, or not evaluated."""

    train: Split | None
    test: Split | None


def prepare(instance: Instance, gate: GateClient, store_fd: int | None, folder: Path) -> Prepared:
    """Return steps that learn, as `instance` orders it, alone or as a rank; MLPerf's log goes into `folder`."""
    log = _mlperf_log(instance, folder)
    group = meet(instance, gate)
    if group is None:
        return _prepare(instance, gate, store_fd, log, None)
    with leaving(group):
        # All ranks have the same rows: what is a rank's own is decided in the trainer.
        return _prepare(replace(instance, shard=0, shards=1), gate, store_fd, log, group)


def _prepare(
    instance: Instance, gate: GateClient, store_fd: int | None, log: Observer | None, group: Group | None
) -> Prepared:
    case, knobs = instance.case, instance.case.knobs
    trainers = trainers_of(case)
    if knobs.engine not in plugin_names(trainers):
        raise UsageError(
            f"ENGINE={knobs.engine} does not train DLRM; set ENGINE to one of: {', '.join(plugin_names(trainers))}"
        )
    engine = load_plugin(trainers, knobs.engine)
    engine.require(case.precision)
    schedule = schedule_of(case)
    precision = load_plugin(precisions, case.precision)
    splits = _open_splits(instance)
    config, max_ind_range = sizes_of(
        instance,
        splits.train,
        torch.float32,
        lambda sizes: _remainder(instance, sizes, splits, group),
        rows_with_sums(case) if group is None else rows_held(group),
    )
    stand = stand_of(case, splits.train, config, None if group is None else group.rank)
    gate.phase("weights")
    origin = stand.origin or weight_origin(case, config)
    if group is None:
        tables_RD = make_tables(instance, config, origin, torch.float32, gate, store_fd)
    else:
        require_same_beginning(group, origin, stand.saved)
        tables_RD = own_tables(instance, config, origin, gate, group)
    model = Model(config=config, max_ind_range=max_ind_range, origin=origin, tables_RD=tables_RD)
    gate.phase("engine")
    told = read_header(knobs.onednn_verbose)
    stacks, by_adagrad = origin.stacks(), learns_by_adagrad(case)
    order = replace(_trainer_order(instance), accumulated=accumulated_of(by_adagrad, config, stand.origin, stacks))
    trainer: Trainer
    if group is None:
        trainer = engine.make(config, tables_RD, stacks, order)
    else:
        trainer = sharded = trainer_of(config, tables_RD, stacks, order, group, knobs.engine)
    gate.phase("data")
    splits = _Splits(train=_capped(splits.train, max_ind_range), test=_capped(splits.test, max_ind_range))
    batches, data = _batches(instance, model, splits.train)
    parts = int(knobs.own["GRADIENT_ACCUMULATION"])
    # Neither warm-up nor probe and check of an accuracy run may learn: at a rate of 0 no weight changes.
    learner = _Learner(trainer, schedule, parts)
    allowed = Allowance(
        logits=precision.LOGIT_TOLERANCE,
        learns=case.mode is not Mode.ACCURACY,
        rate=CHECKED_RATE if by_adagrad else 1.0,
    )
    prepared = Prepared(
        step=learner.measured_step,
        warm_up_step=learner.step,
        batches=batches,
        batch_size=knobs.batch_size,
        threads=trainer.facts.threads or torch.get_num_threads(),
        engine=trainer.facts,
        model=_training_facts(model, precision.MULTIPLY_DTYPE),
        data=data,
        probe=lambda: _probe(told, trainer, batches[0], parts, knobs.onednn_verbose),
        check=lambda: check(trainer, config, batches[0], case.precision, allowed),
        training=learner.training,
        gemm_peak=lambda: gemm_peak_flop_per_s(precision.MULTIPLY_DTYPE),
    )
    if case.mode is Mode.ACCURACY:
        progress = [ProgressLines(_say)] if group is None or group.rank == 0 else []
        observers: list[Observer] = [*progress, *([] if log is None else [log])]
        prepared = _fitting(prepared, instance, model, trainer, splits, stand, observers)
    elif is_end_to_end(case):
        prepared = _end_to_end(prepared, instance, splits.train)
    return prepared if group is None else in_step(prepared, case, sharded, group, time.monotonic_ns)


def _mlperf_log(instance: Instance, folder: Path) -> Observer | None:
    """Return MLPerf's log, where it is wanted and this is the only rank, or the first one."""
    is_first = instance.env.get("RANK", "0") == "0"
    case = instance.case
    return open_log(case, folder, optimizer_of(case)) if case.mode is Mode.ACCURACY and is_first else None


def _remainder(instance: Instance, sizes: DlrmConfig, splits: _Splits, group: Group | None) -> int:
    """Return the bytes for tables: of several ranks those of the one with the least, because all have one model."""
    own = remainder_bytes(instance, sizes, splits.train, splits.test)
    return own if group is None else group.least(own)


class _Learner:
    """Steps on whatever batches come, at the rates of the schedule from its first one on."""

    def __init__(self, trainer: Trainer, schedule: Schedule, parts: int) -> None:
        self._trainer = trainer
        self._schedule = schedule
        self._parts = parts
        self._made = 0
        self._samples = 0
        self._loss = math.nan

    def step(self, batch: Batch) -> None:
        """Make one optimizer step."""
        self._made += 1
        rate = learning_rate(self._schedule, self._made)
        self._loss = float(self._trainer.step(cut_up(batch, self._parts), rate))

    def measured_step(self, batch: Batch) -> None:
        """Make one that counts."""
        self.step(batch)
        self._samples += len(batch.dense_BI)

    def training(self) -> Training:
        """Return what was learned; refuse steps that computed no numbers in the end.

        Raises:
            ModelError: the loss is not finite.
        """
        if not math.isfinite(self._loss):
            raise ModelError(
                f"the loss after {self._made} steps is {self._loss:g}: the training has diverged, and its speed is "
                "that of no training; set LEARNING_RATE lower or LR_WARMUP_STEPS higher"
            )
        return Training(samples=self._samples, loss=self._loss)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _open_splits(instance: Instance) -> _Splits:
    case = instance.case
    train = open_split_of(case, _TRAIN)
    if case.mode is not Mode.ACCURACY:
        return _Splits(train=train, test=None)
    if train is None:
        raise UsageError("MODE=accuracy learns from labelled rows; set DATA_TYPE=real and DATASET_DIR")
    if instance.shards != 1:
        raise UsageError(f"MODE=accuracy trains one model; set INSTANCE_NUMBER=1, not {instance.shards}")
    return _Splits(train=train, test=open_split_of(case, _TEST))


def _capped(split: Split | None, max_ind_range: int) -> Split | None:
    return None if split is None else split.capped(max_ind_range)


def _trainer_order(instance: Instance) -> TrainerOrder:
    case = instance.case
    largest = -(-case.knobs.batch_size // int(case.knobs.own["GRADIENT_ACCUMULATION"]))
    if case.mode is Mode.ACCURACY:
        largest = max(largest, eval_batch_size(case))
    own = case.knobs.own
    return TrainerOrder(
        setting=setting_of(instance),
        batch_size=largest,
        device=str(own.get("DEVICE", "cpu")),
        split_tables=bool(own.get("SPLIT_TABLES")),
    )


def _batches(instance: Instance, model: Model, train: Split | None) -> tuple[Sequence[Batch], DataFacts]:
    """Return batches for the steps, or, of an accuracy run, for what comes before them: not its own rows."""
    if instance.case.mode is not Mode.ACCURACY:
        return ready_batches(instance, model, train)
    assert train is not None
    knobs = instance.case.knobs
    batches = synthetic_batches(
        batch_size=knobs.batch_size, count=WARM_UP_BATCHES, table_rows=model.config.table_rows,
        alpha=float(knobs.own["INDEX_ALPHA"]), seed=knobs.seed, shard=instance.shard,
        dense_features=model.config.bottom[0], hots=model.config.hots,
    )  # fmt: skip
    return batches, train.epoch_facts()


def _training_facts(model: Model, multiply_dtype: torch.dtype) -> ModelFacts:
    facts = model_facts(model, multiply_dtype)
    return replace(facts, flops_per_sample=_PASSES * facts.flops_per_sample)


def _probe(told: IsaReadback, trainer: Trainer, batch: Batch, parts: int, verbosity: int) -> IsaReadback:
    """Make the process's first step, at a rate that changes nothing, and return the kernels that ran in it."""
    ran = read_dispatch(lambda: trainer.step(cut_up(batch, parts), 0.0), verbosity).kernels
    return replace(told, kernels=ran + getattr(trainer, "own_kernels", ()))


def _end_to_end(prepared: Prepared, instance: Instance, train: Split | None) -> Prepared:
    """Return `prepared` with steps that get their batch themselves; what comes before keeps the batches it has."""
    ready = itertools.cycle(prepared.batches)
    warm_up: Callable[[Batch], None] = prepared.warm_up_step or prepared.step
    return replace(reading_steps(prepared, instance, train), warm_up_step=lambda _: warm_up(next(ready)))


def _fitting(
    prepared: Prepared,
    instance: Instance,
    model: Model,
    trainer: Trainer,
    splits: _Splits,
    stand: Stand,
    observers: Sequence[Observer],
) -> Prepared:
    """Return `prepared` with the steps of a training that evaluates, and ends at its target."""
    case, knobs = instance.case, instance.case.knobs
    assert splits.train is not None
    assert splits.test is not None
    reading = Reading(threads=int(knobs.own["DATA_THREADS"]), cpus=instance.cpus)
    feed = Feed(splits.train, knobs.batch_size, reading)
    test, rows = splits.test, evaluated_rows(case, splits.test)
    run = training_run(case, model.config, splits.train, rows)
    fit = Fit(
        trainer,
        feed,
        Evaluator(test, rows, eval_batch_size(case), reading, test.planted_auc),
        fit_order(case, run),
        clock_ns=time.monotonic_ns,
        observers=observers,
        checkpoints=stand.checkpoints,
        saved=stand.saved,
    )
    parts = int(knobs.own["GRADIENT_ACCUMULATION"])

    def close() -> None:
        fit.close()
        stand.release()

    def accuracy() -> Accuracy:
        return fit.training().evaluations[-1].accuracy

    return replace(
        prepared,
        step=fit.step,
        warm_up_step=lambda batch: trainer.step(cut_up(batch, parts), 0.0),
        more=fit.more,
        flow=fit.flow,
        training=fit.training,
        accuracy=accuracy,
        close=close,
    )
