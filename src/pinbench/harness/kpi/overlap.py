"""Overlap: how much of the measured time all instances shared."""

from pinbench.base.units import PERCENT
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the share of the time in which anyone measured in which all did."""
    return (Kpi(name="Window Overlap", value=rounded(run.overlap * PERCENT), unit="%", higher_is_better=True),)
