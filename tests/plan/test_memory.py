import pytest

from pinbench.base.errors import PlanError
from pinbench.base.units import GIB
from pinbench.contract.host import Node, Topology
from pinbench.harness.plan.memory import Tenant, weight_budget_bytes


def host(*free_gib, remaining_gib=None):
    nodes = tuple(Node(id=i, total_bytes=100 * GIB, free_bytes=int(free * GIB)) for i, free in enumerate(free_gib))
    remaining = None if remaining_gib is None else remaining_gib * GIB
    return Topology(cpus=(), nodes=nodes, memory_remaining_bytes=remaining)


def own(*nodes):
    return Tenant(memory_nodes=nodes, allocates=True)


def mapping(*nodes):
    return Tenant(memory_nodes=nodes, allocates=False)


def test_a_single_instance_gets_three_quarters_less_its_process():
    assert weight_budget_bytes(host(8), [own(0)]) == 5.5 * GIB


def test_instances_that_allocate_share_those_that_map_only_cost_their_process():
    assert weight_budget_bytes(host(8), [own(0), own(0)]) == 2.5 * GIB
    assert weight_budget_bytes(host(8), [own(0), mapping(0)]) == 5 * GIB


def test_the_fullest_node_sets_the_size_for_all():
    assert weight_budget_bytes(host(80, 8), [own(0), own(1)]) == 5.5 * GIB


def test_a_node_that_nobody_uses_sets_nothing():
    assert weight_budget_bytes(host(8, 0), [own(0)]) == 5.5 * GIB


def test_an_instance_on_two_nodes_takes_half_from_each():
    assert weight_budget_bytes(host(8, 8), [own(0, 1)]) == 2 * (6 - 0.25) * GIB


def test_the_cgroup_counts_once_for_all_nodes():
    assert weight_budget_bytes(host(10, 10, remaining_gib=10), [own(0), own(1)]) == 3.25 * GIB


@pytest.mark.parametrize(
    ("topology", "place"), [(host(1), "node 0: 1.0 GiB"), (host(9, remaining_gib=1), "the cgroup: 1.0 GiB")]
)
def test_no_room_for_weights_is_refused_with_both_figures(topology, place):
    with pytest.raises(PlanError, match=f"2 instances do not fit the memory of {place} are free, and each needs 512"):
        weight_budget_bytes(topology, [own(0), own(0)])
