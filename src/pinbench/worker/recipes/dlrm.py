"""DLRM on Criteo: any sizes, synthetic or real rows, weights from a seed or a checkpoint."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from pinbench.base.errors import ModelError
from pinbench.base.plugin import load_plugin
from pinbench.contract.case import Case, DataType, Function, Mode
from pinbench.contract.plan import Instance
from pinbench.contract.result import Quality
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import Split
from pinbench.worker.data.criteo.calibration import real_calibration, synthetic_calibration
from pinbench.worker.data.criteo.footprint import batch_row_bytes, ready_bytes, stream_bytes
from pinbench.worker.data.criteo.schema import DENSE_FEATURES
from pinbench.worker.executable import Executable, Setting
from pinbench.worker.gate_client import GateClient
from pinbench.worker.loadgen.library import load_library
from pinbench.worker.models.dlrm.capping import (
    batch_remainder_bytes,
    mlp_remainder_bytes,
    score_remainder_bytes,
)
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.footprint import step_bytes
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import gather_rows, pooled
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.onednn.fpmath import full_fp32
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.verbose import read_header
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm import packed_place, probe
from pinbench.worker.recipes._dlrm_accuracy import rows_to_score, scoring_bytes, scoring_steps
from pinbench.worker.recipes._dlrm_parts import (
    CHECKED_ROWS,
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
from pinbench.worker.recipes._dlrm_scenario import loaded_bytes, under_loadgen
from pinbench.worker.recipes._setting import setting_of

_SPLIT = "test"  # the labelled rows that inference runs on


def prepare(instance: Instance, gate: GateClient, store_fd: int | None, folder: Path = Path()) -> Prepared:
    """Return DLRM as `instance` orders it, with all batches in memory unless the case says end to end.

    What else than its result the instance writes goes into `folder`.
    """
    case, knobs = instance.case, instance.case.knobs
    library = load_library() if knobs.scenario else None
    torch.set_grad_enabled(False)
    if case.function is Function.TRAINING:
        from pinbench.worker.recipes import _dlrm_training  # a tenth of what an inference would import with it

        return _dlrm_training.prepare(instance, gate, store_fd, folder)
    engine = load_plugin(engines, knobs.engine)
    engine.require(case.precision)
    precision = load_plugin(precisions, case.precision)
    split = open_split_of(case, _SPLIT)
    itemsize = precision.TABLE_DTYPE.itemsize
    config, max_ind_range = sizes_of(
        instance, split, precision.TABLE_DTYPE, lambda sizes: _remainder(instance, split, sizes, itemsize)
    )
    gate.phase("weights")
    origin = weight_origin(case, config)
    tables_RD = make_tables(instance, config, origin, precision.TABLE_DTYPE, gate, store_fd)
    model = Model(config=config, max_ind_range=max_ind_range, origin=origin, tables_RD=tables_RD)
    gate.phase("engine")
    told = read_header(knobs.onednn_verbose)
    calibration = _calibration(case, model) if precision.IS_CALIBRATED else None
    setting = replace(setting_of(instance), packed=packed_place(instance, config, precision.TABLE_DTYPE, store_fd))
    executable = _executable(setting, knobs.batch_size, model, precision, engine, calibration)
    step = _step(executable)
    gate.phase("data")
    split = None if split is None else split.capped(max_ind_range)
    batches, data = ready_batches(instance, model, split)
    prepared = Prepared(
        step=step,
        batches=batches,
        batch_size=knobs.batch_size,
        threads=executable.facts.threads or torch.get_num_threads(),
        engine=executable.facts,
        model=model_facts(model, precision.MULTIPLY_DTYPE, None if calibration is None else calibration.rows),
        data=data,
        probe=lambda: probe(told, executable, lambda: step(batches[0]), knobs.onednn_verbose),
        check=lambda: _check(model, step, batches, precision.LOGIT_TOLERANCE),
        gemm_peak=lambda: gemm_peak_flop_per_s(precision.MULTIPLY_DTYPE),
    )
    if library is not None:
        return under_loadgen(prepared, instance, split, config, library, folder)
    if case.mode is Mode.ACCURACY:
        return scoring_steps(prepared, instance, split, model)
    return reading_steps(prepared, instance, split) if is_end_to_end(case) else prepared


def _remainder(instance: Instance, split: Split | None, config: DlrmConfig, itemsize: int) -> int:
    """Return the bytes that MLPs, batches and scores leave to the tables."""
    case = instance.case
    budget_bytes = mlp_remainder_bytes(config.dense_parameters, instance.weight_budget_bytes)
    batch_bytes = _batch_bytes(case, config, itemsize)
    budget_bytes = batch_remainder_bytes(case.knobs.batch_size, batch_bytes, instance.weight_users, budget_bytes)
    if case.mode is Mode.ACCURACY and split is not None:
        rows = rows_to_score(case, split)
        budget_bytes = score_remainder_bytes(rows, scoring_bytes(rows, config), budget_bytes)
    return budget_bytes


def _batch_bytes(case: Case, config: DlrmConfig, itemsize: int) -> int:
    """Return what the batch size costs: the batches while they are made, or later, when steps run on them."""
    batch_size, ids = case.knobs.batch_size, config.num_ids
    rows = batch_size * num_ready(case)
    read_bytes = stream_bytes(batch_size, int(case.knobs.own["DATA_THREADS"]), ids) if is_end_to_end(case) else 0
    if case.knobs.scenario:
        read_bytes = loaded_bytes(case, ids)
    checked_rows = rows + batch_size  # the check copies the batch that it takes its rows from
    running_bytes = step_bytes(config, batch_size, itemsize) + batch_row_bytes(ids) * checked_rows
    return read_bytes + max(ready_bytes(rows, ids), running_bytes)


def _calibration(case: Case, model: Model) -> Calibration:
    """Return the rows that a quantised precision takes its scales from."""
    knobs = case.knobs
    if knobs.data_type is DataType.REAL and knobs.dataset_dir is not None:
        make_batches, rows = real_calibration(
            Path(knobs.dataset_dir), model.max_ind_range, all_ids=bool(model.config.hots)
        )
    else:
        alpha = float(knobs.own["INDEX_ALPHA"])
        make_batches, rows = synthetic_calibration(model.config.table_rows, alpha, knobs.seed, model.config.hots)

    def feed(module: nn.Module) -> None:
        for batch in make_batches():
            module(batch.dense_BI, batch.sparse_BF)

    return Calibration(feed=feed, model=f"DLRM {model.config}, {model.origin.identity}", rows=rows)


def _executable(
    setting: Setting,
    batch_size: int,
    model: Model,
    precision: ModuleType,
    engine: ModuleType,
    calibration: Calibration | None,
) -> Executable:
    module = Dlrm(model.config, model.tables_RD, precision.ACTIVATION_DTYPE)
    module.load_stacks(model.origin.stacks())
    module = precision.apply(module, calibration)
    inputs = (
        torch.zeros(batch_size, DENSE_FEATURES),
        torch.zeros(batch_size, model.config.num_ids, dtype=torch.int64),
    )
    ready = module if engine.NEEDS_GRAPH else module.for_inference(batch_size)
    executable: Executable = engine.compile(ready, inputs, setting)
    return executable


def _step(executable: Executable) -> Callable[[Batch], Tensor]:
    call = executable.call

    def step(batch: Batch) -> Tensor:
        return call(batch.dense_BI, batch.sparse_BF)

    return step


def _check(model: Model, step: Callable[[Batch], Tensor], batches: Sequence[Batch], tolerance: float) -> Quality:
    """Compare the engine's outputs, and the rows of the store, with fp32 eager on weights fresh from their origin."""
    num_batches = -(-CHECKED_ROWS // len(batches[0].dense_BI))
    checked = list(itertools.islice(batches, num_batches))
    probability_B = torch.cat([step(batch).clone() for batch in checked])[:CHECKED_ROWS]
    dense_BI = torch.cat([batch.dense_BI for batch in checked])[:CHECKED_ROWS]
    sparse_BC = torch.cat([batch.sparse_BF for batch in checked])[:CHECKED_ROWS]  # C: ids of a row
    rows_BCD = gather_rows(model.origin, sparse_BC, model.config.id_tables)
    _check_store(model, sparse_BC, rows_BCD)
    with full_fp32():
        sums_BFD = pooled(model.config, rows_BCD)
        expected_B = reference_logits(model.config, model.origin.stacks(), dense_BI, sums_BFD).double()
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


def _check_store(model: Model, sparse_BC: Tensor, rows_BCD: Tensor) -> None:
    first_row_C = torch.tensor(model.config.first_rows)[list(model.config.id_tables)]
    stored_BCD = model.tables_RD[sparse_BC + first_row_C]
    if not torch.equal(stored_BCD, rows_BCD.to(stored_BCD.dtype)):
        raise ModelError("the weight store does not hold the rows of its origin: its memory was written over")
