"""How much was measured: samples and time."""

from pinbench.base.units import ns_to_s
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.measurement import Measurement, samples_per_step
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.window import steps_begun


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the samples whose step began in the common window, the window's length, and the time before it."""
    samples = round(sum(len(r.step_ns[steps_begun(r, run.window)]) * samples_per_step(r) for r in run.results))
    by_loadgen = any(result.loadgen is not None for result in run.results)  # to which a step is a whole test
    measured = [
        *([] if by_loadgen else [Kpi(name="Samples", value=samples)]),
        Kpi(name="Measured Time", value=rounded(ns_to_s(run.window.duration_ns)), unit="s"),
    ]
    setup_s = [result.setup_s for result in run.results if result.setup_s is not None]
    if setup_s:
        measured.append(Kpi(name="Setup Time", value=rounded(max(setup_s)), unit="s", higher_is_better=False))
    return tuple(measured)
