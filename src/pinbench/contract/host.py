"""WHERE: the processors, memory and settings of a host, as read from the kernel."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """A logical CPU that is online and that this process may use."""

    id: int
    core: int  # unique over the host: the id of the first CPU of its physical core
    socket: int
    node: int  # NUMA node
    l3: int  # unique over the host: the id of the first CPU of its L3 domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A NUMA node's memory."""

    id: int
    total_bytes: int
    free_bytes: int  # what can be allocated without swapping: free plus reclaimable


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The CPUs that may be used, after offline CPUs, cgroup cpuset and affinity mask; nodes with memory."""

    cpus: tuple[Cpu, ...]
    nodes: tuple[Node, ...]
    memory_limit_bytes: int | None = None  # of the cgroup, where it is below the machine's
    memory_remaining_bytes: int | None = None  # what that limit still grants, over all nodes together
    nearest_memory: Mapping[int, int] = field(default_factory=dict)  # for a node with CPUs but no memory: where it is
    cpu_quota: float | None = None  # CPUs' worth of time that the cgroup grants a period, where it is limited
    hidden_cpus: tuple[int, ...] = ()  # online, but not allowed to this process
    offline_cpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What a reader must know of the machine to believe a number. None: the kernel does not say."""

    cpu_model: str | None
    vendor: str | None
    family: int | None
    model: int | None
    stepping: int | None
    microcode: str | None
    flags: tuple[str, ...]  # as in /proc/cpuinfo ("flags" or "Features")
    platform: str | None  # the name in platforms.yaml that identifies this CPU
    architecture: str  # as `uname -m`
    kernel: str
    os: str | None
    hypervisor: str | None
    container: str | None
    frequency_driver: str | None
    governor: str | None
    turbo: bool | None
    smt: str | None
    transparent_hugepages: str | None
    transparent_hugepages_shmem: str | None
    numa_balancing: bool | None
    memory_bytes: int | None
    swap_used_bytes: int | None
    mitigations: Mapping[str, str]  # /sys/devices/system/cpu/vulnerabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """What else went on during the measured window."""

    load_1m_before: float | None
    busy_share: float | None  # of all CPUs' time, ours included
    steal_share: float | None  # taken by the hypervisor
    other_busy_share: float | None  # of the CPUs' time, by processes that are not ours
