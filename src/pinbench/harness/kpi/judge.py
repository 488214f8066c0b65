"""From a record to its KPIs, or to the reason why it has none."""

import math
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

from pinbench.base.errors import KpiError
from pinbench.contract.case import Mode
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import Record, Status
from pinbench.harness.kpi import (
    accuracy,
    allocator,
    answers,
    cost,
    device,
    flops,
    isa,
    latency,
    loading,
    memory,
    noise,
    overlap,
    placement,
    quality,
    samples,
    scenario,
    throughput,
    training,
    variation,
)
from pinbench.harness.kpi.configuration import application_configuration, workload_configuration
from pinbench.harness.kpi.measurement import Measurement, measurement
from pinbench.harness.kpi.text import Block

_PRIMARY: dict[Mode, Callable[[Measurement], Kpi]] = {
    Mode.THROUGHPUT: throughput.primary,
    Mode.LATENCY: latency.primary,
    Mode.ACCURACY: lambda run: (accuracy if answers.found(run) is None else answers).primary(run),
}
_REQUIREMENTS = (
    placement.require, allocator.require, isa.require, quality.require, training.require, accuracy.require,
    answers.require, scenario.require,
)  # fmt: skip
_METRICS = (
    throughput, latency, samples, overlap, variation, loading, noise, memory, flops, quality, training, device,
    accuracy, answers, cost,
)  # fmt: skip

# Of a test by LoadGen, which is one step to us: its own figures stand for what steps would tell.
_LOADGEN_METRICS = (scenario, samples, overlap, noise, memory, quality, accuracy)


def judge(record: Record) -> tuple[Kpi, ...]:
    """Return the KPIs of a run in the order of the block, the one primary KPI last.

    Raises:
        KpiError: the record does not support a number; says why.
    """
    run = measurement(record)
    for require in _REQUIREMENTS:
        require(run)
    metrics = (kpi for metric in _metrics(run) for kpi in metric.kpis(run))
    kpis = (*metrics, _primary(run)(run))
    for kpi in kpis:
        if isinstance(kpi.value, float) and not math.isfinite(kpi.value):
            raise KpiError(f"{kpi.name} is {kpi.value}, not a number")
    return kpis


def _metrics(run: Measurement) -> tuple[ModuleType, ...]:
    return _LOADGEN_METRICS if run.case.knobs.scenario else _METRICS


def _primary(run: Measurement) -> Callable[[Measurement], Kpi]:
    asked_by_loadgen = run.case.knobs.scenario and run.case.mode is not Mode.ACCURACY
    return scenario.primary if asked_by_loadgen else _PRIMARY[run.case.mode]


def conclude(record: Record) -> tuple[Record, Block]:
    """Return `record` with the verdict in it, and the block to print.

    A run whose numbers are refused has failed: status and reason say so from here on.
    """
    kpis: tuple[Kpi, ...] = ()
    try:
        kpis = judge(record)
    except KpiError as error:
        status = Status.FAILED if record.status is Status.PASSED else record.status
        record = replace(record, status=status, failure=str(error))
    block = Block(
        workload=workload_configuration(record),
        application=application_configuration(record),
        kpis=kpis,
        status=record.status,
        reason=record.failure,
    )
    return record, block
