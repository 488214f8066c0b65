"""Placement: an instance that ran elsewhere or wider than planned did not measure what its case says."""

from pinbench.base.errors import KpiError
from pinbench.harness.kpi.measurement import Measurement


def require(run: Measurement) -> None:
    """Refuse a run whose threads may have left their instance's CPUs, or were not one for each of them.

    Raises:
        KpiError: names the instance, what was planned and what was read back. An instance without a model (a dummy)
            computes with no threads of a library.
    """
    for instance, result in zip(run.plan.instances, run.results, strict=True):
        if result.placement is None:
            raise KpiError(f"instance {instance.index} did not read back where it ran")
        if not set(result.placement.cpus_seen) <= set(instance.cpus):
            raise KpiError(
                f"instance {instance.index} was planned on cpus {_cpus(instance.cpus)}, "
                f"its threads were allowed on {_cpus(result.placement.cpus_seen)}"
            )
        if result.model is not None and result.placement.threads != len(instance.cpus):
            raise KpiError(
                f"instance {instance.index} was planned with one thread on each of cpus {_cpus(instance.cpus)}, "
                f"it computed with {result.placement.threads}"
            )


def _cpus(cpus: tuple[int, ...]) -> str:
    return ",".join(str(cpu) for cpu in cpus)
