"""Floating point work: what a sample needs, what was achieved, and its share of a measured peak."""

from pinbench.base.units import GIGA, MEGA, PERCENT
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.throughput import total_per_s


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return FLOP a sample, FLOP/s, and utilisation against the GEMM peak that all instances measured at once.

    A multiplication and an addition count as two. Absent where the model or the peak is not known.
    """
    flops = {result.model.flops_per_sample for result in run.results if result.model is not None}
    if len(flops) != 1:
        return ()
    per_sample = flops.pop()
    achieved_per_s = per_sample * total_per_s(run)
    found = [
        Kpi(name="FLOPs per Sample", value=rounded(per_sample / MEGA), unit="MFLOP"),
        Kpi(name="FLOPs", value=rounded(achieved_per_s / GIGA), unit="GFLOP/s", higher_is_better=True),
    ]
    peaks_per_s = [r.gemm_peak_flop_per_s for r in run.results if r.gemm_peak_flop_per_s is not None]
    if len(peaks_per_s) == len(run.results) and sum(peaks_per_s) > 0:
        peak_per_s = sum(peaks_per_s)
        share = rounded(achieved_per_s / peak_per_s * PERCENT)
        found += [
            Kpi(name="GEMM Peak", value=rounded(peak_per_s / GIGA), unit="GFLOP/s", higher_is_better=True),
            Kpi(name="Compute Utilization", value=share, unit="%", higher_is_better=True, note="of the GEMM peak"),
        ]
    return tuple(found)
