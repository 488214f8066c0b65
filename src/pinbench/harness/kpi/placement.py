"""Placement: an instance that ran elsewhere than planned did not measure what its case says."""

from pinbench.base.errors import KpiError
from pinbench.harness.kpi.measurement import Measurement


def require(run: Measurement) -> None:
    """Refuse a run whose threads may have left their instance's CPUs.

    Raises:
        KpiError: names the instance, the CPUs that were planned and those that its threads were allowed.
    """
    for instance, result in zip(run.plan.instances, run.results, strict=True):
        if result.placement is None:
            raise KpiError(f"instance {instance.index} did not read back where it ran")
        if not set(result.placement.cpus_seen) <= set(instance.cpus):
            raise KpiError(
                f"instance {instance.index} was planned on cpus {_cpus(instance.cpus)}, "
                f"its threads were allowed on {_cpus(result.placement.cpus_seen)}"
            )


def _cpus(cpus: tuple[int, ...]) -> str:
    return ",".join(str(cpu) for cpu in cpus)
