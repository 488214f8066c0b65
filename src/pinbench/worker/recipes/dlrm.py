"""DLRM on Criteo: any sizes, synthetic or real rows, weights from a seed or a checkpoint."""

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from pinbench.base.cache import cache_folder
from pinbench.base.errors import ModelError, UsageError
from pinbench.base.plugin import load_plugin
from pinbench.contract.case import Case, DataType, Mode, Precision
from pinbench.contract.gate import Barrier
from pinbench.contract.plan import Instance, WeightSource
from pinbench.contract.result import DataFacts, IsaReadback, ModelFacts, Quality
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import Split, open_split, synthetic_batches, synthetic_facts
from pinbench.worker.data.criteo.calibration import real_calibration, synthetic_calibration
from pinbench.worker.data.criteo.footprint import batch_row_bytes, ready_bytes, stream_bytes
from pinbench.worker.data.criteo.schema import DENSE_FEATURES
from pinbench.worker.data.criteo.stream import Stream
from pinbench.worker.executable import Executable, Setting
from pinbench.worker.gate_client import GateClient
from pinbench.worker.models.dlrm.capping import (
    batch_remainder_bytes,
    cap_rows,
    check_fits,
    choose_max_ind_range,
    mlp_remainder_bytes,
    score_remainder_bytes,
)
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config, parse_sizes
from pinbench.worker.models.dlrm.footprint import step_bytes
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import SeededOrigin, WeightOrigin, fill_tables, gather_rows
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.onednn.fpmath import full_fp32
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.verbose import read_dispatch, read_header
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm_accuracy import Fp32, rows_to_score, score_once, scoring_bytes
from pinbench.worker.weights import WeightStore, build_store, map_store, private_store

# Distinct rows that a run turns over: enough that their embedding rows do not sit in a cache by themselves.
_DISTINCT_ROWS = 32_768
_MAX_BATCHES = 4_096
_MIN_BATCHES = 4
_CHECKED_ROWS = 64
_SPLIT = "test"  # the labelled rows that inference runs on
_END_TO_END = "end_to_end"  # of DATA_LOADING
_MAX_CPU_ISA = "ONEDNN_MAX_CPU_ISA"  # which the plan sets where a label excludes what the CPU has

_TABLE_BITS: dict[torch.dtype, type[np.generic]] = {torch.float32: np.float32, torch.bfloat16: np.uint16}


class _Stream(TypedDict):
    """What makes a stream of synthetic batches, besides the shard."""

    batch_size: int
    count: int
    alpha: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    config: DlrmConfig
    max_ind_range: int
    origin: WeightOrigin
    tables_RD: Tensor


def prepare(instance: Instance, gate: GateClient, store_fd: int | None) -> Prepared:
    """Return DLRM as `instance` orders it, with all batches in memory unless the case says end to end."""
    case, knobs = instance.case, instance.case.knobs
    torch.set_grad_enabled(False)
    engine = load_plugin(engines, knobs.engine)
    engine.require(case.precision)
    precision = load_plugin(precisions, case.precision)
    split = _open_split(case)
    config, max_ind_range = _sizes(instance, split, precision.TABLE_DTYPE)
    gate.phase("weights")
    origin = _weight_origin(case, config)
    tables_RD = _tables(instance, config, origin, precision.TABLE_DTYPE, gate, store_fd)
    model = _Model(config=config, max_ind_range=max_ind_range, origin=origin, tables_RD=tables_RD)
    gate.phase("engine")
    told = read_header(knobs.onednn_verbose)
    calibration = _calibration(case, model) if precision.IS_CALIBRATED else None
    executable = _executable(instance, model, precision, engine, calibration)
    step = _step(executable)
    gate.phase("data")
    split = None if split is None else split.capped(max_ind_range)
    batches, data = _batches(instance, model, split)
    prepared = Prepared(
        step=step,
        batches=batches,
        batch_size=knobs.batch_size,
        threads=executable.facts.threads or torch.get_num_threads(),
        engine=executable.facts,
        model=_facts(model, precision, calibration),
        data=data,
        probe=lambda: _probe(told, executable, lambda: step(batches[0]), knobs.onednn_verbose),
        check=lambda: _check(model, step, batches, precision.LOGIT_TOLERANCE),
        gemm_peak=lambda: gemm_peak_flop_per_s(precision.MULTIPLY_DTYPE),
    )
    if case.mode is Mode.ACCURACY:
        return _scoring(prepared, instance, split, model)
    return _end_to_end(prepared, instance, split) if _is_end_to_end(case) else prepared


def _is_end_to_end(case: Case) -> bool:
    return case.knobs.own.get("DATA_LOADING") == _END_TO_END


def _end_to_end(prepared: Prepared, instance: Instance, split: Split | None) -> Prepared:
    """Return `prepared` with steps that get their batch themselves; probe and check keep the batches they have."""
    if split is None:
        raise UsageError("DATA_LOADING=end_to_end reads a data set; set DATA_TYPE=real and DATASET_DIR")
    facts = split.stream_facts(instance.case.knobs.batch_size, instance.shard, instance.shards)
    stream = _stream(instance, split)
    compute = prepared.step
    return replace(
        prepared,
        step=lambda _: compute(stream.next()),
        batches=(None,),
        data=facts,
        flow=stream.flow,
        close=stream.close,
    )


def _scoring(prepared: Prepared, instance: Instance, split: Split | None, model: _Model) -> Prepared:
    """Return `prepared` with steps that score each labelled row once."""
    if split is None:
        raise UsageError("MODE=accuracy scores labelled rows; set DATA_TYPE=real and DATASET_DIR")
    if instance.shards != 1:
        raise UsageError(f"MODE=accuracy ranks all scores together; set INSTANCE_NUMBER=1, not {instance.shards}")
    rows = rows_to_score(instance.case, split)
    is_fp32 = instance.case.precision is Precision.FP32
    fp32 = None if is_fp32 else Fp32(config=model.config, origin=model.origin)
    return score_once(prepared, split, _stream(instance, split), rows, fp32)


def _stream(instance: Instance, split: Split) -> Stream:
    knobs = instance.case.knobs
    threads = int(knobs.own["DATA_THREADS"])
    return split.stream(knobs.batch_size, instance.shard, instance.shards, threads=threads, cpus=instance.cpus)


def _open_split(case: Case) -> Split | None:
    if case.knobs.data_type is not DataType.REAL:
        return None
    if case.knobs.dataset_dir is None:
        raise ModelError("DATA_TYPE=real needs DATASET_DIR: a directory that `pinbench data criteo` has made")
    return open_split(Path(case.knobs.dataset_dir), _SPLIT, None)


def _sizes(instance: Instance, split: Split | None, table_dtype: torch.dtype) -> tuple[DlrmConfig, int]:
    case, own = instance.case, instance.case.knobs.own
    embedding_dim = int(own["ARCH_SPARSE_FEATURE_SIZE"])
    row_bytes = embedding_dim * table_dtype.itemsize
    full_rows = _declared_rows(case) if split is None else _rows_of(split, case)
    config = make_config(
        embedding_dim=embedding_dim,
        bottom=str(own["ARCH_MLP_BOT"]),
        over=str(own["ARCH_MLP_TOP"]),
        table_rows=full_rows,
        interaction=str(own["ARCH_INTERACTION_OP"]),
    )
    if config.bottom[0] != DENSE_FEATURES:
        raise UsageError(
            f"ARCH_MLP_BOT={own['ARCH_MLP_BOT']} begins with {config.bottom[0]}, but must begin with {DENSE_FEATURES}: "
            "so many dense features has a row of Criteo, a synthetic one too"
        )
    budget_bytes = mlp_remainder_bytes(config.dense_parameters, instance.weight_budget_bytes)
    batch_bytes = _batch_bytes(case, config, table_dtype.itemsize)
    budget_bytes = batch_remainder_bytes(case.knobs.batch_size, batch_bytes, instance.weight_users, budget_bytes)
    if case.mode is Mode.ACCURACY and split is not None:
        rows = rows_to_score(case, split)
        budget_bytes = score_remainder_bytes(rows, scoring_bytes(rows, config), budget_bytes)
    asked = own.get("MAX_IND_RANGE")
    max_ind_range = choose_max_ind_range(full_rows, row_bytes, budget_bytes) if asked is None else int(asked)
    check_fits(full_rows, row_bytes, budget_bytes, max_ind_range)
    return replace(config, table_rows=cap_rows(full_rows, max_ind_range)), max_ind_range


def _batch_bytes(case: Case, config: DlrmConfig, itemsize: int) -> int:
    """Return what the batch size costs: the batches while they are made, or later, when steps run on them."""
    batch_size, tables = case.knobs.batch_size, config.num_tables
    rows = batch_size * _num_batches(case)
    read_bytes = stream_bytes(batch_size, int(case.knobs.own["DATA_THREADS"]), tables) if _is_end_to_end(case) else 0
    checked_rows = rows + batch_size  # the check copies the batch that it takes its rows from
    running_bytes = step_bytes(config, batch_size, itemsize) + batch_row_bytes(tables) * checked_rows
    return read_bytes + max(ready_bytes(rows, tables), running_bytes)


def _declared_rows(case: Case) -> tuple[int, ...]:
    return parse_sizes("ARCH_EMBEDDING_SIZE", str(case.knobs.own["ARCH_EMBEDDING_SIZE"]))


def _rows_of(split: Split, case: Case) -> tuple[int, ...]:
    """Return the rows of each table that the data set needs; refuse others, which nothing would use."""
    if "ARCH_EMBEDDING_SIZE" in case.overrides and _declared_rows(case) != split.table_rows:
        raise UsageError(
            f"ARCH_EMBEDDING_SIZE contradicts DATASET_DIR={case.knobs.dataset_dir}, whose tables have "
            f"{'-'.join(map(str, split.table_rows))} rows; leave it out"
        )
    return split.table_rows


def _weight_origin(case: Case, config: DlrmConfig) -> WeightOrigin:
    checkpoint = case.knobs.own.get("CHECKPOINT")
    if checkpoint:
        return CheckpointOrigin(Path(str(checkpoint)), config)
    return SeededOrigin(config, case.knobs.seed)


def _tables(
    instance: Instance,
    config: DlrmConfig,
    origin: WeightOrigin,
    dtype: torch.dtype,
    gate: GateClient,
    store_fd: int | None,
) -> Tensor:
    size_bytes = config.table_bytes(dtype.itemsize)
    if instance.weights is WeightSource.MAP:
        gate.wait(Barrier.WEIGHTS)
        return _as_tables(map_store(_shared(store_fd), size_bytes), config, dtype)
    if instance.weights is WeightSource.BUILD:
        store = build_store(_shared(store_fd), size_bytes)
    else:
        store = private_store(size_bytes)
    # A thread that PyTorch's OpenMP runtime has bound hands its one CPU on to the threads that it starts.
    with ThreadPoolExecutor(len(instance.cpus), initializer=lambda: os.sched_setaffinity(0, instance.cpus)) as pool:
        target = store.bytes_view.view(_TABLE_BITS[dtype]).reshape(-1, config.embedding_dim)
        fill_tables(target, origin, config.table_rows, pool)
    gate.wait(Barrier.WEIGHTS)
    return _as_tables(store, config, dtype)


def _shared(store_fd: int | None) -> int:
    if store_fd is None:
        raise ModelError("the instance is to share its weights, but was given no shared memory")
    return store_fd


def _as_tables(store: WeightStore, config: DlrmConfig, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(store.bytes_view).view(dtype).view(-1, config.embedding_dim)


def _calibration(case: Case, model: _Model) -> Calibration:
    """Return the rows that a quantised precision takes its scales from."""
    knobs = case.knobs
    if knobs.data_type is DataType.REAL and knobs.dataset_dir is not None:
        make_batches, rows = real_calibration(Path(knobs.dataset_dir), model.max_ind_range)
    else:
        alpha = float(knobs.own["INDEX_ALPHA"])
        make_batches, rows = synthetic_calibration(model.config.table_rows, alpha, knobs.seed)

    def feed(module: nn.Module) -> None:
        for batch in make_batches():
            module(batch.dense_BI, batch.sparse_BF)

    return Calibration(feed=feed, model=f"DLRM {model.config}, {model.origin.identity}", rows=rows)


def _executable(
    instance: Instance, model: _Model, precision: ModuleType, engine: ModuleType, calibration: Calibration | None
) -> Executable:
    case, batch_size = instance.case, instance.case.knobs.batch_size
    module = Dlrm(model.config, model.tables_RD, precision.ACTIVATION_DTYPE)
    module.load_stacks(model.origin.stacks())
    module = precision.apply(module, calibration)
    inputs = (
        torch.zeros(batch_size, DENSE_FEATURES),
        torch.zeros(batch_size, model.config.num_tables, dtype=torch.int64),
    )
    setting = Setting(
        precision=case.precision,
        cpus=instance.cpus,
        cache=cache_folder(os.environ),
        isa=case.isa,
        max_cpu_isa=instance.env.get(_MAX_CPU_ISA),
    )
    ready = module if engine.NEEDS_GRAPH else module.for_inference(batch_size)
    executable: Executable = engine.compile(ready, inputs, setting)
    return executable


def _step(executable: Executable) -> Callable[[Batch], Tensor]:
    call = executable.call

    def step(batch: Batch) -> Tensor:
        return call(batch.dense_BI, batch.sparse_BF)

    return step


def _probe(told: IsaReadback, executable: Executable, call: Callable[[], Tensor], verbosity: int) -> IsaReadback:
    """Make the process's first call and return the kernels that ran in it."""
    ran = read_dispatch(call, verbosity).kernels
    kernels = ran if executable.kernels is None else executable.kernels
    return replace(told, kernels=kernels + executable.own_kernels)


def _batches(instance: Instance, model: _Model, split: Split | None) -> tuple[Sequence[Batch], DataFacts]:
    knobs = instance.case.knobs
    count = _num_batches(instance.case)
    if split is not None:
        part = (knobs.batch_size, instance.shard, instance.shards, count)
        return split.batches(*part), split.facts(*part)
    alpha = float(knobs.own["INDEX_ALPHA"])
    stream: _Stream = {"batch_size": knobs.batch_size, "count": count, "alpha": alpha, "seed": knobs.seed}
    batches = synthetic_batches(**stream, table_rows=model.config.table_rows, shard=instance.shard)
    return batches, synthetic_facts(**stream, shard=instance.shard)


def _num_batches(case: Case) -> int:
    rows = _CHECKED_ROWS if _is_end_to_end(case) else _DISTINCT_ROWS
    return min(max(rows // case.knobs.batch_size, _MIN_BATCHES), _MAX_BATCHES)


def _facts(model: _Model, precision: ModuleType, calibration: Calibration | None) -> ModelFacts:
    config = model.config
    return ModelFacts(
        name="DLRM",
        parameters=config.parameters,
        weight_bytes=config.table_bytes(model.tables_RD.element_size())
        + config.dense_parameters * precision.MULTIPLY_DTYPE.itemsize,
        flops_per_sample=config.flops_per_sample,
        table_rows=sum(config.table_rows),
        max_ind_range=model.max_ind_range,
        weight_dtype=_name(precision.MULTIPLY_DTYPE),
        table_dtype=_name(model.tables_RD.dtype),
        origin=model.origin.name,
        calibration=None if calibration is None else calibration.rows,
    )


def _check(model: _Model, step: Callable[[Batch], Tensor], batches: Sequence[Batch], tolerance: float) -> Quality:
    """Compare the engine's outputs, and the rows of the store, with fp32 eager on weights fresh from their origin."""
    num_batches = -(-_CHECKED_ROWS // len(batches[0].dense_BI))
    checked = list(itertools.islice(batches, num_batches))
    probability_B = torch.cat([step(batch).clone() for batch in checked])[:_CHECKED_ROWS]
    dense_BI = torch.cat([batch.dense_BI for batch in checked])[:_CHECKED_ROWS]
    sparse_BF = torch.cat([batch.sparse_BF for batch in checked])[:_CHECKED_ROWS]
    rows_BFD = gather_rows(model.origin, sparse_BF)
    _check_store(model, sparse_BF, rows_BFD)
    with full_fp32():
        expected_B = reference_logits(model.config, model.origin.stacks(), dense_BI, rows_BFD).double()
    # A probability within 1e-7 of 0 or 1 has no digits left to compare.
    logits_B = torch.logit(probability_B.double(), eps=1e-7)
    bound = torch.logit(torch.tensor(1 - 1e-7, dtype=torch.float64))
    error = (logits_B - expected_B.clamp(-bound, bound)).abs().max().item()
    if not error <= tolerance:  # NaN is not below anything
        raise ModelError(
            f"outputs differ from fp32 eager by {error:g} in the logit, {model.tables_RD.dtype} allows {tolerance:g}: "
            "the number would be of another computation"
        )
    return Quality(samples=len(expected_B), max_logit_error=error, tolerance=tolerance)


def _check_store(model: _Model, sparse_BF: Tensor, rows_BFD: Tensor) -> None:
    first_rows = [0, *itertools.accumulate(model.config.table_rows)][:-1]
    stored_BFD = model.tables_RD[sparse_BF + torch.tensor(first_rows)]
    if not torch.equal(stored_BFD, rows_BFD.to(stored_BFD.dtype)):
        raise ModelError("the weight store does not hold the rows of its origin: its memory was written over")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
