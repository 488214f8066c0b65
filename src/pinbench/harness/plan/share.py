"""The part of a host that one of several runs at the same time gets: cores that no other one has, and their memory."""

from collections import Counter
from dataclasses import replace

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.errors import PlanError
from pinbench.contract.host import Topology
from pinbench.harness.plan.placement import cores_by_node


def share_of(topology: Topology, number: int, count: int) -> tuple[Topology, str]:
    """Return part `number` (from 1) of `count` equal parts of `topology`, and a line that says what it is.

    Parts are whole cores, neighbours in a NUMA node and in an L3 domain; of what does not divide evenly, some cores
    stay idle. Of a node's free memory each gets as much as of its cores.

    Raises:
        PlanError: there are fewer cores than parts.
    """
    by_node = cores_by_node(topology)
    ordered = [cpu for cores in by_node.values() for cpu in cores]
    size = len(ordered) // count
    if not size:
        everything = format_cpu_list(cpu.id for cpu in topology.cpus)
        raise PlanError(
            f"{count} runs at the same time do not fit: there are {len(ordered)} cores (cpus {everything}), and each "
            f"needs one of its own. Set --burst to {len(ordered)} or less"
        )
    own = {cpu.core for cpu in ordered[(number - 1) * size : number * size]}
    cpus = tuple(cpu for cpu in topology.cpus if cpu.core in own)
    left = Counter(cpu.node for cpu in ordered if cpu.core in own)
    shares = {node: left[node] / len(cores) for node, cores in by_node.items()}
    # A node without cores is shared by all who take its memory: evenly.
    nodes = tuple(
        replace(node, free_bytes=int(node.free_bytes * shares.get(node.id, 1 / count))) for node in topology.nodes
    )
    remaining_bytes = topology.memory_remaining_bytes
    part = replace(
        topology,
        cpus=cpus,
        nodes=nodes,
        memory_remaining_bytes=None if remaining_bytes is None else remaining_bytes // count,
    )
    note = (
        f"part {number} of {count} of this host: cpus {format_cpu_list(cpu.id for cpu in cpus)}; the other "
        f"{'parts run' if count > 2 else 'part runs'} at the same time"
    )
    return part, note
