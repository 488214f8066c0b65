"""What the planner chose that a user may want to know."""

from collections.abc import Iterator, Sequence

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.units import format_bytes
from pinbench.contract.host import Topology
from pinbench.harness.plan.placement import LATENCY_CORES, Cores, cores_by_node, l3_domains


def placement_notes(topology: Topology, slots: Sequence[Cores]) -> tuple[str, ...]:
    """Return lines on what stays idle, what crosses a boundary and whose memory is remote."""
    return (*_idle(topology, slots), *_crossings(topology, slots), *_memory(topology))


def latency_notes(slots: Sequence[Cores]) -> tuple[str, ...]:
    """Return a line on the instances that are smaller than those that latency mode is defined by."""
    small = [index for index, slot in enumerate(slots) if len(slot) < LATENCY_CORES]
    if not small:
        return ()
    sizes = sorted({len(slots[index]) for index in small})
    return (
        f"latency mode has {LATENCY_CORES} cores per instance, instances {format_cpu_list(small)} have "
        f"{' or '.join(map(str, sizes))}: compare with runs of the same size only",
    )


def _idle(topology: Topology, slots: Sequence[Cores]) -> Iterator[str]:
    used = {cpu.core for slot in slots for cpu in slot}
    chosen = {cpu.id for slot in slots for cpu in slot}
    siblings = [cpu.id for cpu in topology.cpus if cpu.core in used and cpu.id not in chosen]
    if siblings:
        yield f"one thread a physical core: the sibling CPUs {format_cpu_list(siblings)} stay idle"
    for node, cores in cores_by_node(topology).items():
        idle = [cpu.id for cpu in cores if cpu.core not in used]
        if idle:
            yield f"{len(idle)} of {len(cores)} cores of node {node} stay idle (cpus {format_cpu_list(idle)})"


def _crossings(topology: Topology, slots: Sequence[Cores]) -> Iterator[str]:
    nodes = [index for index, slot in enumerate(slots) if len({cpu.node for cpu in slot}) > 1]
    if nodes:
        yield f"instances {format_cpu_list(nodes)} straddle NUMA nodes, as asked"
    largest = {
        node: max(map(len, l3_domains(cores))) for node, cores in cores_by_node(topology).items()
    }  # an instance that no domain could hold crosses without a remark
    split = [
        index
        for index, slot in enumerate(slots)
        if len({cpu.l3 for cpu in slot}) > 1 and len(slot) <= largest[slot[0].node] and index not in nodes
    ]
    if split:
        yield f"instances {format_cpu_list(split)} share two L3 caches: the cores left over in one did not suffice"


def _memory(topology: Topology) -> Iterator[str]:
    for node, other in topology.nearest_memory.items():
        yield f"node {node} has no memory: its instances use that of node {other}"
    with_cpus = {cpu.node for cpu in topology.cpus} | set(topology.nearest_memory.values())
    for memory in topology.nodes:
        if memory.id not in with_cpus:
            yield f"node {memory.id} has memory but no usable CPU: its {format_bytes(memory.total_bytes)} stay unused"
