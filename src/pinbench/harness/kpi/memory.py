"""Memory of all instances together, pages that they share counted once."""

from pinbench.base.units import MIB, PERCENT
from pinbench.contract.host import Topology
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the sum of the proportional set sizes, its share of what may be used, and the huge pages' share.

    Nothing when an instance did not report its memory: a sum with a hole is no sum.
    """
    uses = [result.memory for result in run.results if result.memory is not None]
    if len(uses) < len(run.results):
        return ()
    pss_bytes = sum(use.pss_bytes for use in uses)
    found = [Kpi(name="Memory Used", value=rounded(pss_bytes / MIB), unit="MiB", higher_is_better=False, note="PSS")]
    if usable_bytes := _usable_bytes(run.plan.topology):
        share = rounded(pss_bytes / usable_bytes * PERCENT)
        found.append(Kpi(name="Memory Utilization", value=share, unit="%", higher_is_better=False))
    if rss_bytes := sum(use.rss_bytes for use in uses):
        share = rounded(sum(use.huge_bytes for use in uses) / rss_bytes * PERCENT)
        found.append(Kpi(name="Huge Page Share", value=share, unit="%", note="of RSS"))
    return tuple(found)


def _usable_bytes(topology: Topology) -> int:
    installed_bytes = sum(node.total_bytes for node in topology.nodes)
    limit_bytes = topology.memory_limit_bytes
    return installed_bytes if limit_bytes is None else min(installed_bytes, limit_bytes)
