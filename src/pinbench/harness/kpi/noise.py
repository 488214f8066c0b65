"""Noise: what else took processor time during the measured window."""

from pinbench.base.units import PERCENT
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the shares of all CPUs' time; those that the host did not say are absent."""
    load = run.record.load
    if load is None:
        return ()
    shares = (
        ("CPU Busy", load.busy_share, None),
        ("CPU Taken by Other Processes", load.other_busy_share, False),
        ("CPU Taken by the Hypervisor", load.steal_share, False),
    )
    return tuple(
        Kpi(name=name, value=rounded(share * PERCENT), unit="%", higher_is_better=better)
        for name, share, better in shares
        if share is not None
    )
