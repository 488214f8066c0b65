"""Latency: the durations of the steps of all instances together, each the time of one batch."""

from collections.abc import Sequence

from pinbench.base.units import ns_to_ms
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.window import steps_begun

UNIT = "ms"
_PERMILLES = (500, 900, 950, 990, 999)


def latencies_ns(run: Measurement) -> list[int]:
    """Return the durations of all steps that began in the common window, ascending."""
    return sorted(ns for result in run.results for ns in result.step_ns[steps_begun(result, run.window)])


def percentile(ascending: Sequence[int], permille: int) -> int | None:
    """Return the smallest value that `permille` of 1000 do not exceed (nearest rank: a time that happened).

    None when there are fewer than 1 / (1 - p) values: the answer would be the maximum under another name.
    """
    if len(ascending) * (1000 - permille) < 1000:
        return None
    return ascending[-(-len(ascending) * permille // 1000) - 1]


def primary(run: Measurement) -> Kpi:
    """Return the key KPI of latency mode: as in WSF, the mean time of one batch."""
    steps_ns = latencies_ns(run)
    value = rounded(ns_to_ms(sum(steps_ns) / len(steps_ns)))
    return Kpi(name="Latency", value=value, unit=UNIT, primary=True, higher_is_better=False)


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the extremes, the mean and those percentiles that the number of steps supports."""
    steps_ns = latencies_ns(run)
    named: list[tuple[str, float | None]] = [
        ("Max", steps_ns[-1]),
        ("Min", steps_ns[0]),
        ("Mean", sum(steps_ns) / len(steps_ns)),
    ]
    named += [(f"P{permille / 10:g}", percentile(steps_ns, permille)) for permille in _PERMILLES]
    note = f"n={len(steps_ns)}"
    return tuple(
        Kpi(name=f"{name} Latency", value=rounded(ns_to_ms(ns)), unit=UNIT, higher_is_better=False, note=note)
        for name, ns in named
        if ns is not None
    )
