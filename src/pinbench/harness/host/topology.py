"""The processors and memory that this process may use, from sysfs alone (never from the text of lscpu).

Files: Documentation/ABI/stable/sysfs-devices-system-cpu, sysfs-devices-node and admin-guide/cputopology.rst of
the kernel.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pinbench.base.errors import HostError
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.harness.host.cgroup import CgroupLimits, read_cgroup_limits
from pinbench.harness.host.cpulist import format_cpu_list, parse_cpu_list
from pinbench.harness.host.kernelfile import read_int, read_kb_table, read_text

_CPU = Path("sys/devices/system/cpu")
_NODE = Path("sys/devices/system/node")
_L3 = 3


def read_topology(root: Path = Path("/"), allowed: Collection[int] | None = None) -> Topology:
    """Return the CPUs and nodes that this process may use.

    Args:
        root: where /sys and /proc lie.
        allowed: the affinity mask; None reads it from /proc/self/status.

    Raises:
        HostError: the kernel does not show its CPUs or memory, or none of them may be used.
    """
    online = _read_online(root)
    mask = _read_mask(root, "Cpus_allowed_list") if allowed is None else set(allowed)
    machine = read_kb_table(root / "proc/meminfo") or {}
    limits = read_cgroup_limits(root, machine.get("MemTotal"))
    usable = [cpu for cpu in online if _permits(mask, cpu) and _permits(limits.cpus, cpu)]
    if not usable:
        raise HostError(
            f"no CPU may be used: {format_cpu_list(online)} are online, the affinity mask is "
            f"{_text(mask)}, the cgroup's cpuset {_text(limits.cpus)}; widen one of them"
        )
    node_cpus = _read_node_cpus(root)
    cpus = _read_cpus(root, usable, node_cpus)
    nodes = _read_nodes(root, node_cpus, machine, limits)
    if not nodes:
        raise HostError("no memory may be used: the kernel shows no node's size, or the cpuset permits none of them")
    return Topology(
        cpus=cpus,
        nodes=nodes,
        memory_limit_bytes=limits.memory_limit_bytes,
        memory_remaining_bytes=limits.memory_remaining_bytes,
        nearest_memory=_nearest_memory(
            root, sorted(node_cpus), {cpu.node for cpu in cpus}, [node.id for node in nodes]
        ),
        cpu_quota=limits.cpu_quota,
        hidden_cpus=tuple(sorted(set(online) - set(usable))),
        offline_cpus=parse_cpu_list(read_text(root / _CPU / "offline") or ""),
    )


def _read_online(root: Path) -> tuple[int, ...]:
    text = read_text(root / _CPU / "online")
    if not text:
        raise HostError(f"the kernel does not show its CPUs: no {root / _CPU / 'online'}; mount sysfs on /sys")
    return parse_cpu_list(text)


def _read_mask(root: Path, name: str) -> tuple[int, ...] | None:
    """Return a list of /proc/self/status (proc_pid_status(5)), or None."""
    for line in (read_text(root / "proc/self/status") or "").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return parse_cpu_list(value)
    return None


def _permits(mask: Collection[int] | None, number: int) -> bool:
    return mask is None or number in mask


def _text(mask: Collection[int] | None) -> str:
    return "unlimited" if mask is None else format_cpu_list(mask) or "empty"


def _read_node_cpus(root: Path) -> dict[int, tuple[int, ...]]:
    """Return node -> CPUs; empty on a kernel without NUMA."""
    found = {}
    for directory in (root / _NODE).glob("node[0-9]*"):
        found[int(directory.name.removeprefix("node"))] = parse_cpu_list(read_text(directory / "cpulist") or "")
    return dict(sorted(found.items()))


def _read_cpus(root: Path, usable: Iterable[int], node_cpus: Mapping[int, tuple[int, ...]]) -> tuple[Cpu, ...]:
    node_of = {cpu: node for node, cpus in node_cpus.items() for cpu in cpus}
    sockets = {cpu: _read_socket(root, cpu) for cpu in usable}
    places = {cpu: (node_of.get(cpu, 0), sockets[cpu]) for cpu in sockets}
    # Where the firmware hides the L3 (many Arm and virtual machines) the node within its socket stands for it.
    domain = {place: min(cpu for cpu in places if places[cpu] == place) for place in set(places.values())}
    return tuple(
        Cpu(
            id=cpu,
            core=_read_core(root, cpu),
            socket=sockets[cpu],
            node=node_of.get(cpu, 0),
            l3=_read_l3(root, cpu, otherwise=domain[places[cpu]]),
        )
        for cpu in sorted(sockets)
    )


def _read_socket(root: Path, cpu: int) -> int:
    # -1 where the firmware does not say (Arm without a PPTT table): one socket, then.
    return max(0, read_int(root / _CPU / f"cpu{cpu}/topology/physical_package_id") or 0)


def _read_core(root: Path, cpu: int) -> int:
    """Return the first CPU of the core of `cpu`; CPUs of it that are hidden from this process count too."""
    directory = root / _CPU / f"cpu{cpu}/topology"
    # core_cpus_list is the name since Linux 5.3, thread_siblings_list the deprecated one.
    siblings = read_text(directory / "core_cpus_list") or read_text(directory / "thread_siblings_list") or str(cpu)
    return min(parse_cpu_list(siblings))


def _read_l3(root: Path, cpu: int, otherwise: int) -> int:
    for directory in sorted((root / _CPU / f"cpu{cpu}/cache").glob("index[0-9]*")):
        if read_int(directory / "level") == _L3:
            return min(parse_cpu_list(read_text(directory / "shared_cpu_list") or ""), default=otherwise)
    return otherwise


def _read_nodes(
    root: Path, node_cpus: Mapping[int, tuple[int, ...]], machine: dict[str, int], limits: CgroupLimits
) -> tuple[Node, ...]:
    """Return the nodes that have memory and whose memory this process may use."""
    tables = {node: read_kb_table(root / _NODE / f"node{node}/meminfo") or {} for node in node_cpus}
    with_memory = {node: table for node, table in tables.items() if table.get("MemTotal")}
    if len(with_memory) <= 1:
        # One node's memory is the machine's. /proc/meminfo is the better witness then: containers are shown their
        # own share in it (lxcfs), and a guest whose memory is plugged in on demand its full size.
        with_memory = {next(iter(with_memory), 0): machine} if machine.get("MemTotal") else with_memory
    permitted = _read_mask(root, "Mems_allowed_list")
    return tuple(
        Node(id=node, total_bytes=table["MemTotal"], free_bytes=_free_bytes(table, limits.memory_remaining_bytes))
        for node, table in with_memory.items()
        if _permits(permitted, node) and _permits(limits.memory_nodes, node)
    )


def _free_bytes(table: Mapping[str, int], remaining_bytes: int | None) -> int:
    """Return free memory and the page cache of files; shared memory stands among the anonymous pages."""
    free = table.get("MemFree", 0) + table.get("Active(file)", 0) + table.get("Inactive(file)", 0)
    return free if remaining_bytes is None else min(free, remaining_bytes)


def _nearest_memory(
    root: Path, ids: Iterable[int], cpu_nodes: Collection[int], memory_nodes: Collection[int]
) -> dict[int, int]:
    """Return, for each node with CPUs but without usable memory, the nearest node that has some."""
    nearest = {}
    for node in sorted(set(cpu_nodes) - set(memory_nodes)):
        # One distance for each online node, in ascending order of their ids.
        words = (read_text(root / _NODE / f"node{node}/distance") or "").split()
        distance = dict(zip(ids, map(int, words), strict=False))
        nearest[node] = min(memory_nodes, key=lambda other: (distance.get(other, 0), other))
    return nearest
