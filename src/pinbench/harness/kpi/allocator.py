"""Allocator: a run with another one than its case names did not measure what the user asked for."""

from pinbench.base.errors import KpiError
from pinbench.harness.kpi.measurement import Measurement


def require(run: Measurement) -> None:
    """Refuse a run without the allocator that its case names: a library that cannot be preloaded is left out silently.

    Raises:
        KpiError: names the instance and the allocator that it really had.
    """
    asked = run.case.knobs.allocator
    for result in run.results:
        if not asked or (result.libraries is not None and result.libraries.allocator == asked):
            continue
        found = "did not read back its own" if result.libraries is None else f"ran with {result.libraries.allocator}"
        raise KpiError(f"ALLOCATOR={asked} was asked for, but instance {result.index} {found}; its stderr.log says why")
