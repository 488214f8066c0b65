"""Throughput: the sum of the instances' own rates over the common window."""

from pinbench.base.units import ns_to_s
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import InstanceResult
from pinbench.harness.kpi.measurement import Measurement, samples_per_step
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.window import Window, steps_done

UNIT = "samples/sec"


def rate_per_s(result: InstanceResult, window: Window) -> float:
    """Return an instance's samples per second in `window`; a step across an edge counts in proportion."""
    steps = steps_done(result, window.end_ns) - steps_done(result, window.start_ns)
    return steps * samples_per_step(result) / ns_to_s(window.duration_ns)


def total_per_s(run: Measurement) -> float:
    """Return the samples per second of all instances together."""
    return sum(rate_per_s(result, run.window) for result in run.results)


def primary(run: Measurement) -> Kpi:
    """Return the key KPI of throughput mode."""
    value = rounded(total_per_s(run))
    return Kpi(name="Throughput", value=value, unit=UNIT, primary=True, higher_is_better=True)


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the total, the mean of the instances (what WSF calls the average) and each instance's own."""
    rates = [rate_per_s(result, run.window) for result in run.results]
    named = [("Total Throughput", sum(rates)), ("Average Throughput", sum(rates) / len(rates))]
    named += [(f"Throughput of Instance {r.index}", rate) for r, rate in zip(run.results, rates, strict=True)]
    return tuple(Kpi(name=name, value=rounded(value), unit=UNIT, higher_is_better=True) for name, value in named)
