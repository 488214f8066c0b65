"""A case placed on a host: cores, memory, shared weights and environment of each instance."""

from collections.abc import Sequence
from pathlib import Path

from pinbench.contract.case import Case, Function, Mode
from pinbench.contract.host import HostFacts, Topology
from pinbench.contract.plan import Instance, Plan, WeightSource
from pinbench.harness.host.isa import emulation
from pinbench.harness.plan.memory import Tenant, weight_budget_bytes
from pinbench.harness.plan.notes import latency_notes, placement_notes
from pinbench.harness.plan.placement import Cores, Demand, place
from pinbench.harness.plan.preflight import refuse, warnings
from pinbench.harness.plan.ranks import Hosts, is_distributed, rank_environment, rank_notes
from pinbench.harness.plan.threads import environment


def make_plan(
    case: Case,
    topology: Topology,
    facts: HostFacts,
    *,
    allocator: Path | None = None,
    load_1m: float | None = None,
    hosts: Hosts | None = None,
) -> Plan:
    """Return the plan of `case`.

    Args:
        case: what is to be measured.
        topology: the CPUs and memory that may be used.
        facts: the host's settings.
        allocator: the shared object of the allocator that the case names (`host.allocator.find_allocator`).
        hosts: of a distributed training, where this host is not alone.
        load_1m: the load average before the run, for the warnings among the plan's notes.

    Raises:
        PlanError: the instances that were asked for do not fit the host, or the deadline is too short.
    """
    assert bool(allocator) == bool(case.knobs.allocator), "the caller finds the allocator that the case names"
    refuse(case)
    slots = place(
        topology,
        Demand(
            mode=case.mode,
            cores_per_instance=case.knobs.cores_per_instance,
            instances=1 if case.knobs.scenario else case.knobs.instances,  # of one LoadGen
            straddle_nodes=bool(case.knobs.own.get("STRADDLE_NODES", False)),
        ),
    )
    memory_nodes = [_memory_nodes(slot, topology) for slot in slots]
    sources = _weight_sources(case, memory_nodes)
    tenants = [
        Tenant(memory_nodes=nodes, allocates=source is not WeightSource.MAP)
        for nodes, source in zip(memory_nodes, sources, strict=True)
    ]
    budget_bytes = weight_budget_bytes(topology, tenants)
    weight_users = _weight_users(memory_nodes, sources)
    hosts = hosts or Hosts()
    all_cpus = [tuple(cpu.id for cpu in slot) for slot in slots]
    instances = []
    for index, (nodes, source) in enumerate(zip(memory_nodes, sources, strict=True)):
        cpus = all_cpus[index]
        ranks = rank_environment(case, hosts, index, all_cpus) if is_distributed(case) else {}
        instances.append(
            Instance(
                index=index,
                case=case,
                shard=index,
                shards=len(slots),
                cpus=cpus,
                memory_nodes=nodes,
                weights=source,
                store=None if source is WeightSource.PRIVATE else nodes[0],
                weight_budget_bytes=budget_bytes,
                env={**environment(case, facts, cpus, allocator), **ranks},
                weight_users=weight_users,
            )
        )
    imitated = emulation(case, facts)
    return Plan(
        case=case,
        emulation=imitated,
        topology=topology,
        instances=tuple(instances),
        deadline_s=case.knobs.deadline_s,
        notes=(
            *(() if imitated is None else (f"{case.label} is emulated: {imitated}, so its speed says nothing",)),
            *rank_notes(case, hosts, len(slots)),
            *(latency_notes(slots) if case.mode is Mode.LATENCY else ()),
            *placement_notes(topology, slots),
            *warnings(topology, facts, load_1m),
        ),
    )


def _memory_nodes(slot: Cores, topology: Topology) -> tuple[int, ...]:
    """Return the nodes that hold the memory of an instance on `slot`."""
    return tuple(sorted({topology.nearest_memory.get(cpu.node, cpu.node) for cpu in slot}))


def _weight_sources(case: Case, memory_nodes: Sequence[tuple[int, ...]]) -> list[WeightSource]:
    """Return each instance's source: on a node with several, the first builds what the others map.

    Training changes its weights: each instance keeps its own. So does one that straddles nodes, because no two
    instances straddle the same ones.
    """
    shares = case.knobs.weight_sharing and case.function is Function.INFERENCE
    sources = []
    for index, nodes in enumerate(memory_nodes):
        if not shares or memory_nodes.count(nodes) == 1:
            sources.append(WeightSource.PRIVATE)
        else:
            first = memory_nodes.index(nodes) == index
            sources.append(WeightSource.BUILD if first else WeightSource.MAP)
    return sources


def _weight_users(memory_nodes: Sequence[tuple[int, ...]], sources: Sequence[WeightSource]) -> int:
    """Return the most instances on one copy: one number, because the size of the model may follow from it."""
    builders = [nodes for nodes, source in zip(memory_nodes, sources, strict=True) if source is WeightSource.BUILD]
    return max((memory_nodes.count(nodes) for nodes in builders), default=1)
