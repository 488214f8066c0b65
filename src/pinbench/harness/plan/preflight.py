"""What could spoil a run, seen before it starts: warnings that go into the plan, and refusals."""

from collections.abc import Iterator

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.errors import PlanError, UsageError
from pinbench.base.units import format_bytes
from pinbench.contract.case import Case, Mode
from pinbench.contract.host import HostFacts, Topology

_BUSY_SHARE = 0.1  # of the CPUs: a load average above it is someone else's work
_BUSY_AT_LEAST = 0.5  # the average decays slowly: less than half a process may be the shell that started us
_SLOW_GOVERNORS = ("powersave", "conservative", "ondemand", "schedutil")  # cpufreq: the frequency follows the load


def refuse(case: Case) -> None:
    """Check what cannot end well whatever the host.

    Raises:
        PlanError: the deadline lies within the measured window.
        UsageError: nobody said how many steps it has.
    """
    knobs = case.knobs
    if knobs.steps is None and case.mode is not Mode.ACCURACY:
        raise UsageError(
            f"STEPS has no value, and only accuracy knows by itself how many steps it takes, not {case.mode}"
        )
    if knobs.deadline_s <= knobs.min_duration_s:
        raise PlanError(
            f"a deadline of {knobs.deadline_s:g} s ends before the measured window of {knobs.min_duration_s:g} s; "
            f"set it higher"
        )


def warnings(topology: Topology, facts: HostFacts, load_1m: float | None = None) -> tuple[str, ...]:
    """Return one line for each setting or circumstance of the host that may spoil a measurement."""
    return (*_others(topology, facts, load_1m), *_settings(topology, facts))


def _others(topology: Topology, facts: HostFacts, load_1m: float | None) -> Iterator[str]:
    cpus = len(topology.cpus)
    all_cpus = cpus + len(topology.hidden_cpus)
    if load_1m is not None and load_1m >= max(_BUSY_AT_LEAST, _BUSY_SHARE * all_cpus):
        yield (
            f"the load average of the last minute is {load_1m:g} on {all_cpus} CPUs: "
            f"others compete, or a run has just ended"
        )
    if topology.cpu_quota is not None:
        yield (
            f"the cgroup grants {topology.cpu_quota:g} CPUs of time (cpu.max or cfs_quota): instances that use "
            f"more are stopped in each period; measure without a quota, limit by cpuset instead"
        )
    if shared := _shared_cores(topology, facts):
        yield f"the other hardware threads of cores {format_cpu_list(shared)} belong to someone else"


def _shared_cores(topology: Topology, facts: HostFacts) -> list[int]:
    """Return usable cores of which only some hardware threads are ours."""
    if facts.smt != "on" or not topology.hidden_cpus:
        return []
    threads: dict[int, int] = {}
    for cpu in topology.cpus:
        threads[cpu.core] = threads.get(cpu.core, 0) + 1
    return sorted(core for core, count in threads.items() if count == 1)


def _settings(topology: Topology, facts: HostFacts) -> Iterator[str]:
    slow = [name for name in (facts.governor or "").split(", ") if name in _SLOW_GOVERNORS]
    if slow:
        yield (
            f"the frequency governor is {facts.governor} ({facts.frequency_driver or 'unknown driver'}): "
            f"clocks may follow the load; performance keeps them up"
        )
    if facts.swap_used_bytes:
        yield f"{format_bytes(facts.swap_used_bytes)} of swap are in use: memory was short, pages may return mid-run"
    if facts.numa_balancing and len(topology.nodes) > 1:
        yield "automatic NUMA balancing is on: it unmaps pages to watch who uses them (sysctl kernel.numa_balancing=0)"
    if facts.transparent_hugepages == "never":
        yield "transparent huge pages are off: table lookups pay for 4 KiB pages (madvise is enough)"
    if topology.offline_cpus:
        yield f"CPUs {format_cpu_list(topology.offline_cpus)} are offline"
