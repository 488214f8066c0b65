"""A record that supports numbers: every planned instance finished and they measured at the same time."""

import signal
from dataclasses import dataclass

from pinbench.base.errors import KpiError
from pinbench.base.units import PERCENT
from pinbench.contract.case import Case
from pinbench.contract.plan import Plan
from pinbench.contract.result import InstanceResult, Record, Status
from pinbench.harness.kpi.window import Window, common_window, measured_window, overlap

MIN_OVERLAP = 0.95  # below that, the sum of rates is of instances that ran in each other's absence


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What the KPIs are computed from."""

    record: Record
    plan: Plan
    results: tuple[InstanceResult, ...]  # one for each planned instance, in the plan's order
    window: Window
    overlap: float  # 0 to 1

    @property
    def case(self) -> Case:
        """The case that ran."""
        return self.plan.case


def measurement(record: Record) -> Measurement:
    """Return `record` as a measurement.

    Raises:
        KpiError: the run failed, an instance did not finish or measured something else than planned, or the
            instances' windows overlap too little.
    """
    if record.failure is not None:
        raise KpiError(record.failure)  # the launcher saw more than the results tell: when, in which phase, why
    if record.plan is None:
        raise KpiError("the run ended before its instances were planned")
    results = _results_as_planned(record, record.plan)
    if unfinished := [result for result in results if not _finished(result)]:
        raise KpiError("; ".join(f"instance {r.index} did not finish: {_reason(r)}" for r in unfinished))
    if record.status is not Status.PASSED:
        raise KpiError(f"the run {record.status} and left no reason")
    for result in results:
        _require_steps(result, record.plan.case)
    share = overlap(results)
    if share < MIN_OVERLAP:
        raise KpiError(
            f"the instances measured together for only {share * PERCENT:.1f} % of the time, "
            f"{MIN_OVERLAP * PERCENT:.0f} % are needed: a longer MIN_DURATION makes the edges count less"
        )
    return Measurement(record=record, plan=record.plan, results=results, window=common_window(results), overlap=share)


def _results_as_planned(record: Record, plan: Plan) -> tuple[InstanceResult, ...]:
    if not plan.instances:
        raise KpiError("the plan has no instances")
    results = {result.index: result for result in record.results}
    planned = [instance.index for instance in plan.instances]
    if len(results) != len(record.results) or not set(results) <= set(planned):
        raise KpiError(f"the results are of instances {[r.index for r in record.results]}, planned were {planned}")
    if missing := [index for index in planned if index not in results]:
        raise KpiError(f"instance {missing[0]} did not finish: it left no result")
    return tuple(results[index] for index in planned)


def _finished(result: InstanceResult) -> bool:
    return result.status is Status.PASSED and result.exit_signal is None


def _reason(result: InstanceResult) -> str:
    reasons = [result.error] if result.error else []
    if result.exit_signal is not None:
        reasons.insert(0, f"killed by signal {result.exit_signal}{_signal_name(result.exit_signal)}")
    return ", ".join(reasons) or f"it {result.status} and left no reason"


def _signal_name(number: int) -> str:
    known = {item.value: item.name for item in signal.Signals}
    return f" ({known[number]})" if number in known else ""


def samples_per_step(result: InstanceResult) -> float:
    """Return the mean: the last batch of accuracy mode, or of an epoch, has only the rows that are left.

    A test by LoadGen is one step; how many queries it had is LoadGen's to say.
    """
    if result.training is not None:
        return result.training.samples / len(result.step_ns)
    scored = result.scored_samples
    return result.batch_size if scored is None else scored / len(result.step_ns)


def _require_steps(result: InstanceResult, case: Case) -> None:
    who, steps = f"instance {result.index}", len(result.step_ns)
    if steps != len(result.begin_ns):
        raise KpiError(f"{who} recorded {len(result.begin_ns)} begins of steps and {steps} durations")
    if steps < max(1, case.knobs.steps or 0) and result.scored_samples is None and result.loadgen is None:
        raise KpiError(f"{who} measured {steps} steps, STEPS={case.knobs.steps} were asked for")
    if result.batch_size != case.knobs.batch_size:
        raise KpiError(f"{who} ran batches of {result.batch_size}, BATCH_SIZE={case.knobs.batch_size} was asked for")
    if min(result.step_ns) < 0 or list(result.begin_ns) != sorted(result.begin_ns):
        raise KpiError(f"the clock of {who} went backwards")
    if measured_window(result).duration_ns <= 0:
        raise KpiError(f"the {steps} steps of {who} took no time that its clock shows")
