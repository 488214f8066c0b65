"""DLRM with bags of ids on made-up samples: the sizes, weights and samples of the suite's DLRMv2 for Arm.

B samples, F sparse features, D embedding width, N ids of all bags together, R rows of all tables.
"""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from pinbench.base.errors import ModelError, UsageError
from pinbench.base.plugin import load_plugin
from pinbench.base.units import format_bytes
from pinbench.contract.case import Case, Precision
from pinbench.contract.plan import Instance
from pinbench.contract.result import DataFacts, IsaReadback, ModelFacts, Quality
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.bags.batch import BagBatch, bag_bytes
from pinbench.worker.data.bags.reference_law import reference_batches
from pinbench.worker.executable import Executable, Place
from pinbench.worker.gate_client import GateClient
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.footprint import step_bytes
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.numpy_origin import NumpyOrigin
from pinbench.worker.models.dlrm.sparse import PooledArch
from pinbench.worker.onednn.fpmath import multiplies_in_bfloat16
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s
from pinbench.worker.onednn.verbose import read_header
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm import TableBits, packed_place, place_tables, probe
from pinbench.worker.recipes._dlrm_v2_check import check_outputs
from pinbench.worker.recipes._setting import setting_of

# WSF, DLRMv2-PyTorch-ARM, main.sh: --arch-mlp-bot, --arch-mlp-top, --arch-embedding-size,
# --arch-sparse-feature-size, --num-indices-per-lookup; the input of the top MLP follows: 64 + 9 * 8 / 2.
_DIM = 64
_BOTTOM = "512-512-64"
_OVER = "1024-1024-1024-1"
_TABLES = 8
MOST_IDS = 100  # of a bag, before equal ones are dropped

# Distinct samples that a run turns over: 3 million rows of 256 bytes, far more than a cache holds.
_DISTINCT_SAMPLES = 8_192
_MAX_BATCHES = 4_096
_MIN_BATCHES = 4
_MEAN_IDS = (MOST_IDS + 1) / 2
_MLP_COPIES = 4  # as drawn, in the model, packed by oneDNN, and packed for the chain
_MIN_DIM = "TORCH_MKLDNN_MATMUL_MIN_DIM"  # for PyTorch itself the plan sets it, too
_ONEDNN_LAYERS = ("matmul", "inner_product")  # oneDNN's primitives for them


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    config: DlrmConfig
    origin: NumpyOrigin
    tables_RD: Tensor


def prepare(instance: Instance, gate: GateClient, store_fd: int | None, _folder: Path = Path()) -> Prepared:
    """Return the model as `instance` orders it, with all batches in memory."""
    case, knobs = instance.case, instance.case.knobs
    torch.set_grad_enabled(False)
    engine = load_plugin(engines, knobs.engine)
    engine.require(case.precision)
    precision = load_plugin(precisions, case.precision)
    config = model_config(int(knobs.own["TABLE_ROWS"]))
    _require_onednn(case, config)
    _require_memory(instance, config, precision.TABLE_DTYPE.itemsize)
    gate.phase("weights")
    origin = NumpyOrigin(config, knobs.seed)
    tables_RD = _tables(instance, config, origin, precision.TABLE_DTYPE, gate, store_fd)
    model = _Model(config=config, origin=origin, tables_RD=tables_RD)
    gate.phase("engine")
    told = read_header(knobs.onednn_verbose)
    packed = packed_place(instance, config, precision.TABLE_DTYPE, store_fd)
    executable = _executable(instance, model, precision, engine, packed)
    step = _step(executable)
    gate.phase("data")
    batches = _batches(instance, config)
    return Prepared(
        step=step,
        batches=batches,
        batch_size=knobs.batch_size,
        threads=executable.facts.threads or torch.get_num_threads(),
        engine=executable.facts,
        model=_facts(model, precision),
        data=_data_facts(instance, len(batches)),
        probe=lambda: _probe(told, executable, lambda: step(batches[0]), case),
        check=lambda: _check(model, step, batches[0], precision.LOGIT_TOLERANCE),
        gemm_peak=lambda: gemm_peak_flop_per_s(precision.MULTIPLY_DTYPE),
    )


def model_config(rows: int) -> DlrmConfig:
    """Return the sizes with `rows` rows in each table."""
    return make_config(
        embedding_dim=_DIM, bottom=_BOTTOM, over=_OVER, table_rows=(rows,) * _TABLES, interaction="dot"
    )  # fmt: skip


def _min_dim(case: Case) -> int | None:
    """Return the threshold of the engine that has one."""
    return int(case.knobs.own[_MIN_DIM]) if case.knobs.engine == "eager" and _MIN_DIM in case.knobs.own else None


def _require_onednn(case: Case, config: DlrmConfig) -> None:
    """Refuse a threshold that keeps all layers from the library that alone has the precision."""
    least = _min_dim(case)
    if least is None or case.precision is not Precision.BFLOAT32:
        return
    pairs = itertools.chain(itertools.pairwise(config.bottom), itertools.pairwise(config.over))
    largest = max(min(case.knobs.batch_size, *pair) for pair in pairs)
    if largest <= least:
        raise UsageError(
            f"{_MIN_DIM}={least} leaves all layers to PyTorch's BLAS at BATCH_SIZE={case.knobs.batch_size}, and only "
            f"oneDNN multiplies fp32 data as bfloat16; set it below {largest}, or take ENGINE=pinned or PRECISION=FP32"
        )


def _require_memory(instance: Instance, config: DlrmConfig, itemsize: int) -> None:
    """Refuse what does not fit, before anything is made."""
    case = instance.case
    samples = case.knobs.batch_size * _num_batches(case.knobs.batch_size)
    batches_bytes = bag_bytes(samples=samples, dense=config.bottom[0], tables=_TABLES, mean_ids=_MEAN_IDS)
    step = step_bytes(config, case.knobs.batch_size, itemsize) + 4 * _MLP_COPIES * config.dense_parameters
    others_bytes = (2 * batches_bytes + step) * instance.weight_users
    left_bytes = instance.weight_budget_bytes - others_bytes
    need_bytes = config.table_bytes(itemsize)
    if need_bytes <= left_bytes:
        return
    fitting = max(0, left_bytes) // (need_bytes // config.table_rows[0])
    way_out = f"set TABLE_ROWS to {fitting} or less" if fitting else "set BATCH_SIZE lower"
    raise ModelError(
        f"tables of TABLE_ROWS={config.table_rows[0]} take {format_bytes(need_bytes)} and batches of "
        f"BATCH_SIZE={case.knobs.batch_size} {format_bytes(others_bytes)}, this instance may take "
        f"{format_bytes(instance.weight_budget_bytes)}; {way_out}, free memory, or run fewer instances"
    )


def _tables(
    instance: Instance, config: DlrmConfig, origin: NumpyOrigin, dtype: torch.dtype, gate: GateClient, fd: int | None
) -> Tensor:
    def fill(target_RD: TableBits, pool: ThreadPoolExecutor) -> None:
        origin.fill(target_RD, pool)

    return place_tables(instance, config, dtype, fill, gate, fd)


def _executable(
    instance: Instance, model: _Model, precision: ModuleType, engine: ModuleType, packed: Place | None
) -> Executable:
    case, batch_size = instance.case, instance.case.knobs.batch_size
    module = Dlrm(model.config, model.tables_RD, precision.ACTIVATION_DTYPE, PooledArch)
    module.load_stacks(model.origin.stacks())
    module = precision.apply(module, None)
    ids = round(_MEAN_IDS)
    inputs = (
        torch.zeros(batch_size, model.config.bottom[0]),
        torch.zeros(batch_size * _TABLES * ids, dtype=torch.int64),
        torch.arange(batch_size * _TABLES + 1) * ids,
    )
    setting = replace(setting_of(instance), varying=(1,), onednn_min_dim=_min_dim(case), packed=packed)
    ready = module if engine.NEEDS_GRAPH else module.for_inference(batch_size)
    executable: Executable = engine.compile(ready, inputs, setting)
    return executable


def _step(executable: Executable) -> Callable[[BagBatch], Tensor]:
    call = executable.call

    def step(batch: BagBatch) -> Tensor:
        return call(batch.dense_BI, batch.row_N, batch.offset_K)

    return step


def _batches(instance: Instance, config: DlrmConfig) -> Sequence[BagBatch]:
    knobs = instance.case.knobs
    source = reference_batches(
        batch_size=knobs.batch_size,
        dense=config.bottom[0],
        table_rows=config.table_rows,
        most=MOST_IDS,
        seed=knobs.seed,
        shard=instance.shard,
    )
    return list(itertools.islice(source, _num_batches(knobs.batch_size)))


def _num_batches(batch_size: int) -> int:
    return min(max(_DISTINCT_SAMPLES // batch_size, _MIN_BATCHES), _MAX_BATCHES)


def _data_facts(instance: Instance, batches: int) -> DataFacts:
    knobs = instance.case.knobs
    stream = f"numpy.random.seed({knobs.seed})" if instance.shard == 0 else f"seed {knobs.seed}, shard {instance.shard}"
    return DataFacts(
        name="random bags",
        rows=batches * knobs.batch_size,
        detail=f"round(U * {MOST_IDS}) uniform ids a bag, equal ones once; {stream}",
    )


def _facts(model: _Model, precision: ModuleType) -> ModelFacts:
    config = model.config
    return ModelFacts(
        name="DLRM, multi-hot",
        parameters=config.parameters,
        weight_bytes=config.table_bytes(model.tables_RD.element_size())
        + config.dense_parameters * precision.MULTIPLY_DTYPE.itemsize,
        flops_per_sample=config.flops_per_sample,
        table_rows=sum(config.table_rows),
        max_ind_range=None,
        weight_dtype=str(precision.MULTIPLY_DTYPE).removeprefix("torch."),
        table_dtype=str(model.tables_RD.dtype).removeprefix("torch."),
        origin=model.origin.name,
    )


def _probe(told: IsaReadback, executable: Executable, call: Callable[[], Tensor], case: Case) -> IsaReadback:
    """Return the kernels of the first call; refuse a switch or a threshold that did not hold."""
    read = probe(told, executable, call, case.knobs.onednn_verbose)
    if multiplies_in_bfloat16() != (case.precision is Precision.BFLOAT32):
        raise ModelError(
            f"{case.precision} was asked for, and oneDNN's fpmath mode says otherwise after the first call"
        )
    asked = executable.facts.settings.get("onednn_layers")
    if asked is not None and executable.facts.fallback is None:
        calls = sum(kernel.calls for kernel in read.kernels if kernel.primitive in _ONEDNN_LAYERS)
        expected = int(asked.partition(" ")[0])
        if calls < expected:
            raise ModelError(f"{_MIN_DIM} gives {expected} layers to oneDNN, whose log shows {calls}")
    return read


def _check(model: _Model, step: Callable[[BagBatch], Tensor], measured: BagBatch, tolerance: float) -> Quality:
    if not torch.isfinite(step(measured)).all():
        raise ModelError("an output of the first batch is not finite")
    return check_outputs(
        model.config,
        model.origin,
        model.tables_RD,
        step,
        batch_size=len(measured.dense_BI),
        most_ids=MOST_IDS,
        tolerance=tolerance,
    )
