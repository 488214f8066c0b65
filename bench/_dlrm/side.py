"""One side of a race in a process of its own: prepares, says what it is, then runs whenever it is told to.

It reads seconds from stdin, a line each, and answers each with the samples per second of so long a run.
"""

import dataclasses
import os
from collections.abc import Callable

import torch
from _side import serve
from torch import Tensor

from _dlrm.calibration import made_up_calibration
from _dlrm.profile import of_pinned
from _dlrm.reference import ReferenceAlgorithm, mlperf_config, rate
from _dlrm.roofline import Roofline
from pinbench.base.cache import cache_folder
from pinbench.base.plugin import load_plugin
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import synthetic_batches
from pinbench.worker.data.criteo.schema import DENSE_FEATURES
from pinbench.worker.executable import Setting
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import SeededOrigin, gather_rows
from pinbench.worker.weights import map_store

REFERENCE = "reference"
ROOFLINE = "roofline"

_CHECKED_ROWS = 64


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a side is told on its command line."""

    name: str  # an engine, REFERENCE or ROOFLINE
    precision: str
    batch_size: int
    cpus: tuple[int, ...]
    max_ind_range: int
    alpha: float
    tables_fd: int  # shared memory that holds all tables in the precision's type
    profile: bool = False  # of `pinned`: tell where the time of a call goes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a side says before the race; `skipped` is the reason why it takes no part."""

    skipped: str | None = None
    logit_error: float | None = None
    tolerance: float | None = None
    facts: EngineFacts | None = None
    profile: str | None = None


def _batches(work: Work, config: DlrmConfig) -> list[Batch]:
    count = max(4, min(512, 32_768 // work.batch_size))
    return synthetic_batches(
        batch_size=work.batch_size, count=count, table_rows=config.table_rows, alpha=work.alpha, seed=0, shard=0
    )


def _tables(work: Work, config: DlrmConfig, dtype: torch.dtype) -> Tensor:
    store = map_store(work.tables_fd, config.table_bytes(dtype.itemsize))
    return torch.from_numpy(store.bytes_view).view(dtype).view(-1, config.embedding_dim)


def _reference(config: DlrmConfig, tables_RD: Tensor, batches: list[Batch]) -> Callable[[Batch], Tensor]:
    model = ReferenceAlgorithm(config, tables_RD, SeededOrigin(config, 0).stacks())
    offset_FB = [torch.arange(len(batches[0].dense_BI))] * config.num_tables
    # The reference is given its indices as its own loader makes them: one contiguous list a table.
    by_table = {id(batch): [ids.contiguous() for ids in batch.sparse_BF.unbind(1)] for batch in batches}
    return lambda batch: model(batch.dense_BI, offset_FB, by_table[id(batch)]).squeeze(1)


def _model(work: Work, config: DlrmConfig, tables_RD: Tensor) -> Dlrm:
    precision = load_plugin(precisions, work.precision)
    model = Dlrm(config, tables_RD, precision.ACTIVATION_DTYPE)
    model.load_stacks(SeededOrigin(config, 0).stacks())
    calibration = made_up_calibration(config, work.alpha) if precision.IS_CALIBRATED else None
    quantized: Dlrm = precision.apply(model, calibration)
    return quantized


def _setting(work: Work) -> Setting:
    return Setting(
        precision=Precision(work.precision),
        cpus=work.cpus,
        cache=cache_folder(os.environ),
        max_cpu_isa=os.environ.get("ONEDNN_MAX_CPU_ISA"),
    )


def _engine(work: Work, config: DlrmConfig, tables_RD: Tensor) -> tuple[Callable[[Batch], Tensor], EngineFacts]:
    engine, model = load_plugin(engines, work.name), _model(work, config, tables_RD)
    inputs = (
        torch.zeros(work.batch_size, DENSE_FEATURES),
        torch.zeros(work.batch_size, config.num_tables, dtype=torch.int64),
    )
    ready = model if engine.NEEDS_GRAPH else model.for_inference(work.batch_size)
    executable = engine.compile(ready, inputs, _setting(work))
    return lambda batch: executable.call(batch.dense_BI, batch.sparse_BF), executable.facts


def _logit_error(call: Callable[[Batch], Tensor], config: DlrmConfig, batches: list[Batch]) -> float:
    origin, error = SeededOrigin(config, 0), 0.0
    for batch in batches[: -(-_CHECKED_ROWS // len(batches[0].dense_BI))]:
        dense_BI, sparse_BF = batch.dense_BI[:_CHECKED_ROWS], batch.sparse_BF[:_CHECKED_ROWS]
        expected_B = reference_logits(config, origin.stacks(), dense_BI, gather_rows(origin, sparse_BF)).double()
        logit_B = torch.logit(call(batch)[:_CHECKED_ROWS].double())
        error = max(error, (logit_B - expected_B).abs().nan_to_num(nan=float("inf")).max().item())
    return error


def _profile(work: Work, config: DlrmConfig, tables_RD: Tensor, batch: Batch) -> str:
    return of_pinned(_model(work, config, tables_RD), (batch.dense_BI, batch.sparse_BF), config, _setting(work))


def _prepare(work: Work) -> tuple[Ready, Callable[[str], str]]:
    if work.name not in (REFERENCE, ROOFLINE):
        load_plugin(engines, work.name).require(Precision(work.precision))
    precision = load_plugin(precisions, work.precision)
    config = mlperf_config(work.max_ind_range)
    tables_RD = _tables(work, config, precision.TABLE_DTYPE)
    if work.name == ROOFLINE:
        roofline = Roofline(config, tables_RD, work.batch_size, precision.MULTIPLY_DTYPE)
        return Ready(), lambda seconds: str(roofline.rate(float(seconds)))
    batches = _batches(work, config)
    if work.name == REFERENCE:
        call, facts = _reference(config, tables_RD, batches), None
    else:
        call, facts = _engine(work, config, tables_RD)
    ready = Ready(
        logit_error=_logit_error(call, config, batches),
        tolerance=precision.LOGIT_TOLERANCE,
        facts=facts,
        profile=_profile(work, config, tables_RD, batches[0]) if work.profile and work.name == "pinned" else None,
    )
    return ready, lambda seconds: str(rate(call, batches, float(seconds)))


if __name__ == "__main__":
    serve(__doc__, Work, Ready, _prepare)
