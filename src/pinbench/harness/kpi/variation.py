"""Variation: how steady the throughput was within the run."""

from itertools import pairwise
from statistics import mean, stdev

from pinbench.base.units import PERCENT
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.throughput import rate_per_s
from pinbench.harness.kpi.window import Window

SLICES = 10
_MIN_STEPS = 2 * SLICES  # of each instance: with fewer, a slice cuts single steps and all slices look alike


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the coefficient of variation of the total throughput between ten equal slices of the window."""
    if min(len(result.step_ns) for result in run.results) < _MIN_STEPS:
        return ()
    start, length = run.window.start_ns, run.window.duration_ns
    edges = [start + length * i // SLICES for i in range(SLICES + 1)]
    rates = [sum(rate_per_s(r, Window(begin, end)) for r in run.results) for begin, end in pairwise(edges)]
    value = rounded(stdev(rates) / mean(rates) * PERCENT)
    return (
        Kpi(name="Throughput Variation", value=value, unit="%", higher_is_better=False, note=f"of {SLICES} slices"),
    )
