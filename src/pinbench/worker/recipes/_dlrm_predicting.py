"""Inference of DLRM by a trainer that makes no step: the forward of its training, on whatever device that has."""

import itertools
from dataclasses import replace

import torch

from pinbench.base.plugin import load_plugin
from pinbench.contract.case import Mode
from pinbench.contract.plan import Instance
from pinbench.contract.result import EngineFacts, IsaReadback
from pinbench.worker import precision as precisions
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import Split
from pinbench.worker.data.criteo.footprint import batch_row_bytes, ready_bytes, stream_bytes
from pinbench.worker.gate_client import GateClient
from pinbench.worker.models.dlrm.capping import batch_remainder_bytes, mlp_remainder_bytes, score_remainder_bytes
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.footprint import training_step_bytes
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.verbose import read_dispatch, read_header
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm_accuracy import rows_to_score, scoring_bytes, scoring_steps
from pinbench.worker.recipes._dlrm_parts import (
    Model,
    is_end_to_end,
    make_tables,
    model_facts,
    num_ready,
    open_split_of,
    reading_steps,
    ready_batches,
    sizes_of,
    weight_origin,
)
from pinbench.worker.recipes._dlrm_training_check import Allowance, check
from pinbench.worker.recipes._setting import setting_of
from pinbench.worker.training import dlrm as trainers
from pinbench.worker.training.trainer import Trainer, TrainerOrder

_SPLIT = "test"


def prepare(instance: Instance, gate: GateClient, store_fd: int | None) -> Prepared:
    """Return steps that predict, on the device that the case names."""
    case, knobs = instance.case, instance.case.knobs
    engine = load_plugin(trainers, knobs.engine)
    engine.require(case.precision)
    precision = load_plugin(precisions, case.precision)
    split = open_split_of(case, _SPLIT)
    config, max_ind_range = sizes_of(instance, split, torch.float32, lambda sizes: _remainder(instance, split, sizes))
    gate.phase("weights")
    origin = weight_origin(case, config)
    tables_RD = make_tables(instance, config, origin, torch.float32, gate, store_fd)
    model = Model(config=config, max_ind_range=max_ind_range, origin=origin, tables_RD=tables_RD)
    gate.phase("engine")
    told = read_header(knobs.onednn_verbose)
    device = str(knobs.own["DEVICE"])
    order = TrainerOrder(setting=setting_of(instance), batch_size=knobs.batch_size, device=device)
    trainer: Trainer = engine.make(config, tables_RD, origin.stacks(), order)
    gate.phase("data")
    split = None if split is None else split.capped(max_ind_range)
    batches, data = ready_batches(instance, model, split)
    facts: EngineFacts = trainer.facts
    prepared = Prepared(
        step=trainer.predict,
        batches=batches,
        batch_size=knobs.batch_size,
        threads=facts.threads or torch.get_num_threads(),
        engine=facts,
        model=model_facts(model, precision.MULTIPLY_DTYPE),
        data=data,
        probe=lambda: _probe(told, trainer, batches[0], knobs.onednn_verbose),
        check=lambda: check(
            trainer, config, batches[0], case.precision, Allowance(logits=precision.LOGIT_TOLERANCE, learns=False)
        ),
        gemm_peak=lambda: gemm_peak_flop_per_s(precision.MULTIPLY_DTYPE),
    )
    if case.mode is Mode.ACCURACY:
        return scoring_steps(prepared, instance, split, model)
    return _end_to_end(prepared, instance, split) if is_end_to_end(case) else prepared


def _probe(told: IsaReadback, trainer: Trainer, batch: Batch, verbosity: int) -> IsaReadback:
    ran = read_dispatch(lambda: trainer.predict(batch), verbosity).kernels
    return replace(told, kernels=ran + getattr(trainer, "own_kernels", ()))


def _remainder(instance: Instance, split: Split | None, config: DlrmConfig) -> int:
    """Return the bytes that MLPs, batches and scores leave to the tables."""
    case, batch_size, tables = instance.case, instance.case.knobs.batch_size, config.num_tables
    budget_bytes = mlp_remainder_bytes(config.dense_parameters, instance.weight_budget_bytes)
    rows = batch_size * num_ready(case)
    threads = int(case.knobs.own["DATA_THREADS"])
    read_bytes = stream_bytes(batch_size, threads, tables) if is_end_to_end(case) else 0
    step_bytes = training_step_bytes(config, batch_size, batch_size)  # of the check, which makes a step
    need_bytes = read_bytes + max(ready_bytes(rows, tables), step_bytes + batch_row_bytes(tables) * rows)
    budget_bytes = batch_remainder_bytes(batch_size, need_bytes, instance.weight_users, budget_bytes)
    if case.mode is not Mode.ACCURACY or split is None:
        return budget_bytes
    rows = rows_to_score(case, split)
    return score_remainder_bytes(rows, scoring_bytes(rows, config), budget_bytes)


def _end_to_end(prepared: Prepared, instance: Instance, split: Split | None) -> Prepared:
    """Return `prepared` with steps that get their batch themselves; what comes before keeps the batches it has."""
    compute, ready = prepared.step, itertools.cycle(prepared.batches)
    return replace(reading_steps(prepared, instance, split), warm_up_step=lambda _: compute(next(ready)))
