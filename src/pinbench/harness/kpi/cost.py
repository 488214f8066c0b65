"""Cost: what a million inferences are worth at the price of the machine."""

from pinbench.base.units import MEGA, S_PER_H
from pinbench.contract.case import Function
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.throughput import total_per_s


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the cost in the currency of COST_PER_HOUR; nothing without a price."""
    price_per_h = run.case.knobs.cost_per_hour
    if price_per_h is None or run.case.function is not Function.INFERENCE:
        return ()
    value = rounded(price_per_h / S_PER_H / total_per_s(run) * MEGA)
    note = f"at {price_per_h:g} an hour"
    return (Kpi(name="Cost Per Million Inferences", value=value, higher_is_better=False, note=note),)
