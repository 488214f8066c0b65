"""Which cores each instance gets: one thread a physical core, inside a NUMA node, inside an L3 where it fits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, zip_longest

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.errors import PlanError
from pinbench.contract.case import Mode
from pinbench.contract.host import Cpu, Topology

LATENCY_CORES = 4  # of each instance in latency mode: the workload's definition

Cores = tuple[Cpu, ...]  # the first usable CPU of each core


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What was asked for; None leaves it to `place`."""

    mode: Mode
    cores_per_instance: int | None = None
    instances: int | None = None
    straddle_nodes: bool = False


def place(topology: Topology, demand: Demand) -> tuple[Cores, ...]:
    """Return the cores of each instance, ordered by node and then by first CPU.

    Raises:
        PlanError: what was asked for does not fit; says what would.
    """
    nodes = cores_by_node(topology)
    if demand.cores_per_instance is None and demand.instances is None:
        return _default(nodes, demand.mode)
    size = _even_size(nodes, demand, topology) if demand.cores_per_instance is None else demand.cores_per_instance
    room = {node: len(cores) // size for node, cores in nodes.items()}
    if _fits(sum(room.values()), demand.instances):
        counts = _spread(room, demand.instances)
        return tuple(chain.from_iterable(_fill(cores, counts[node], size) for node, cores in nodes.items()))
    everything = tuple(chain.from_iterable(nodes.values()))
    if demand.straddle_nodes and _fits(len(everything) // size, demand.instances):
        return _chunks(everything, size)[: demand.instances]
    raise PlanError(_refusal(nodes, size, demand, topology))


def cores_by_node(topology: Topology) -> dict[int, Cores]:
    """Return node -> its cores, neighbours in an L3 domain together. Nodes without usable CPUs are absent."""
    first: dict[int, Cpu] = {}
    for cpu in sorted(topology.cpus, key=lambda cpu: cpu.id):
        first.setdefault(cpu.core, cpu)
    ordered = sorted(first.values(), key=lambda cpu: (cpu.node, cpu.l3, cpu.id))
    return {node: tuple(cores) for node, cores in groupby(ordered, key=lambda cpu: cpu.node)}


def l3_domains(cores: Cores) -> tuple[Cores, ...]:
    """Return `cores`, of one node and in the order of `cores_by_node`, by the L3 that they share."""
    return tuple(tuple(domain) for _, domain in groupby(cores, key=lambda cpu: cpu.l3))


def _default(nodes: Mapping[int, Cores], mode: Mode) -> tuple[Cores, ...]:
    if mode is not Mode.LATENCY:
        return tuple(nodes.values())
    sizes = {node: min(LATENCY_CORES, len(cores)) for node, cores in nodes.items()}
    filled = (_fill(cores, len(cores) // sizes[node], sizes[node]) for node, cores in nodes.items())
    return tuple(chain.from_iterable(filled))


def _even_size(nodes: Mapping[int, Cores], demand: Demand, topology: Topology) -> int:
    """Return the largest number of cores of which the demanded number of instances find their place.

    In latency mode it is four at the most, whatever the number: its instances have that size by definition.
    """
    wanted = demand.instances or 1
    total = sum(map(len, nodes.values()))
    if wanted > total:
        raise PlanError(
            f"{wanted} instances do not fit: there are {total} cores ({_cpus_text(topology)}) and each instance "
            f"needs one. Set INSTANCE_NUMBER to {total} or less"
        )
    size = total // wanted if demand.straddle_nodes else _largest_size(nodes, wanted)
    return min(size, LATENCY_CORES) if demand.mode is Mode.LATENCY else size


def _largest_size(nodes: Mapping[int, Cores], wanted: int) -> int:
    """Return the most cores of which `wanted` instances fit inside the nodes; `wanted` is at most all cores."""
    sizes = range(max(map(len, nodes.values())), 0, -1)
    return next(size for size in sizes if sum(len(cores) // size for cores in nodes.values()) >= wanted)


def _fits(room: int, wanted: int | None) -> bool:
    return room >= (wanted or 1)


def _spread(room: Mapping[int, int], wanted: int | None) -> dict[int, int]:
    """Return node -> instances: all that fit, or `wanted` of them dealt out to the nodes in turn."""
    if wanted is None:
        return dict(room)
    turns = sorted((turn, node) for node, count in room.items() for turn in range(count))
    dealt = [node for _, node in turns[:wanted]]
    return {node: dealt.count(node) for node in room}


def _fill(cores: Cores, count: int, size: int) -> list[Cores]:
    """Return `count` instances of `size` of a node's `cores`, crossing as few L3 boundaries as possible.

    Instances are dealt out to the L3 domains in turn: those that do not need the whole node share its caches
    evenly.
    """
    domains = l3_domains(cores)
    by_group = [_chunks(group, size) for group in _groups(domains, size)]
    slots = [slot for turn in zip_longest(*by_group) for slot in turn if slot is not None]
    if len(slots) < count and size > max(map(len, domains)):
        slots = list(_chunks(cores, size))  # each crosses anyhow: leave no gaps
    elif len(slots) < count:
        taken = set(chain.from_iterable(slots))
        slots += _chunks(tuple(core for core in cores if core not in taken), size)
    return sorted(slots[:count], key=lambda slot: slot[0].id)


def _groups(domains: Sequence[Cores], size: int) -> Iterator[Cores]:
    """Yield neighbouring domains joined until they hold an instance of `size`: mostly one domain each."""
    group: Cores = ()
    for domain in domains:
        group += domain
        if len(group) >= size:
            yield group
            group = ()


def _chunks(cores: Cores, size: int) -> tuple[Cores, ...]:
    return tuple(cores[i : i + size] for i in range(0, len(cores) - size + 1, size))


def _refusal(nodes: Mapping[int, Cores], size: int, demand: Demand, topology: Topology) -> str:
    total = sum(map(len, nodes.values()))
    largest = max(nodes, key=lambda node: (len(nodes[node]), -node))
    most = total if demand.straddle_nodes else len(nodes[largest])
    where = "this host" if demand.straddle_nodes else f"the largest node ({largest})"
    if size > most:
        cpus = _cpus_text(topology) if demand.straddle_nodes else _cpus_text(topology, largest)
        other = ", or STRADDLE_NODES to True" if size <= total else ""
        return (
            f"{size} cores per instance do not fit: {where} offers {most} ({cpus}). "
            f"Set CORES_PER_INSTANCE to {most} or less{other}"
        )
    wanted = demand.instances or 1
    room = total // size if demand.straddle_nodes else sum(len(cores) // size for cores in nodes.values())
    fewer_cores = f", or CORES_PER_INSTANCE to {_largest_size(nodes, wanted)} or less" if wanted <= total else ""
    offers = ", ".join(f"node {node}: {len(cores)} cores" for node, cores in nodes.items())
    return (
        f"{wanted} instances of {size} cores do not fit: there is room for {room} ({offers}). "
        f"Set INSTANCE_NUMBER to {room} or less{fewer_cores}"
    )


def _cpus_text(topology: Topology, node: int | None = None) -> str:
    """Return the usable CPUs, of one node or of all, and why there are not more."""
    cpus = format_cpu_list(cpu.id for cpu in topology.cpus if node in (None, cpu.node))
    hidden = topology.hidden_cpus
    reason = f"; the cgroup or the affinity mask hides {format_cpu_list(hidden)}" if hidden else ""
    return f"cpus {cpus}{reason}"
