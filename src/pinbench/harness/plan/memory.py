"""How much memory weights and batches may take: a share of what is free where they will lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from pinbench.base.errors import PlanError
from pinbench.base.units import MIB, format_bytes
from pinbench.contract.host import Topology

FREE_SHARE = 0.75  # the rest: page cache of data sets, other processes of the host
PROCESS_BYTES = 512 * MIB  # of each instance besides weights and batches: Python with torch has 300 to 400 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An instance, as its memory sees it."""

    memory_nodes: tuple[int, ...]
    allocates: bool  # false: it maps the weights of another one


def weight_budget_bytes(topology: Topology, tenants: Sequence[Tenant]) -> int:
    """Return the most for the weights of each allocating instance and the batches of all that use them.

    It is one number for all instances, the least of the nodes': a model whose size follows the budget must be
    the same model everywhere. Memory of an instance on several nodes counts evenly on them.

    Raises:
        PlanError: a node or the cgroup has no memory left for weights.
    """
    least = _node_budget(topology, tenants)
    if topology.memory_remaining_bytes is not None:
        allocating = sum(tenant.allocates for tenant in tenants)
        usable = FREE_SHARE * topology.memory_remaining_bytes - PROCESS_BYTES * len(tenants)
        if usable <= 0:
            raise PlanError(_refusal("the cgroup", topology.memory_remaining_bytes, len(tenants)))
        least = min(least, usable / allocating)
    return int(least)


def _node_budget(topology: Topology, tenants: Sequence[Tenant]) -> float:
    least = float("inf")
    for node in topology.nodes:
        on_node = [tenant for tenant in tenants if node.id in tenant.memory_nodes]
        allocators = sum(1 / len(tenant.memory_nodes) for tenant in on_node if tenant.allocates)
        if not allocators:
            continue
        processes = sum(1 / len(tenant.memory_nodes) for tenant in on_node)
        usable = FREE_SHARE * node.free_bytes - PROCESS_BYTES * processes
        if usable <= 0:
            raise PlanError(_refusal(f"node {node.id}", node.free_bytes, len(on_node)))
        least = min(least, usable / allocators)
    return least


def _refusal(place: str, free_bytes: int, instances: int) -> str:
    return (
        f"{instances} instances do not fit the memory of {place}: {format_bytes(free_bytes)} are free, and each needs "
        f"{format_bytes(PROCESS_BYTES)} before any weights. Free memory or set INSTANCE_NUMBER lower"
    )
