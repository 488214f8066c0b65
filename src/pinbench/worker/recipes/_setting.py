"""What every recipe tells its engine of the instance."""

import os

from pinbench.base.cache import cache_folder
from pinbench.contract.plan import Instance
from pinbench.worker.executable import Setting

_MAX_CPU_ISA = "ONEDNN_MAX_CPU_ISA"  # which the plan sets where a label excludes what the CPU has


def setting_of(instance: Instance) -> Setting:
    """Return where and how an engine is to compute the case of `instance`."""
    return Setting(
        precision=instance.case.precision,
        cpus=instance.cpus,
        cache=cache_folder(os.environ),
        isa=instance.case.isa,
        max_cpu_isa=instance.env.get(_MAX_CPU_ISA),
    )
