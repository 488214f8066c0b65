from pinbench.contract.case import Mode
from pinbench.harness.host.topology import read_topology
from pinbench.harness.plan.notes import placement_notes
from pinbench.harness.plan.placement import Demand, place


def notes(root, **demand):
    topology = read_topology(root)
    return placement_notes(topology, place(topology, Demand(mode=Mode.THROUGHPUT, **demand)))


def test_idle_siblings_are_named(machine):
    assert notes(machine("vm-interleaved")) == ("one thread a physical core: the sibling CPUs 1,3,5,7 stay idle",)


def test_a_machine_that_is_used_up_needs_no_note(machine):
    assert notes(machine("graviton3")) == ()


def test_idle_cores_are_named_by_node(machine):
    assert notes(machine("altra-2s"), cores_per_instance=32, instances=3) == (
        "16 of 80 cores of node 0 stay idle (cpus 64-79)",
        "48 of 80 cores of node 1 stay idle (cpus 112-159)",
    )


def test_memory_out_of_reach_and_remote_memory_are_told(machine):
    assert notes(machine("memoryless")) == (
        "node 1 has no memory: its instances use that of node 0",
        "node 2 has memory but no usable CPU: its 122.1 GiB stay unused",
    )


def test_straddling_is_told(machine):
    text = notes(machine("memoryless"), cores_per_instance=12, straddle_nodes=True)
    assert "instances 0 straddle NUMA nodes, as asked" in text


def test_instances_split_over_l3_domains_are_told_only_when_a_domain_could_hold_them(machine):
    text = notes(machine("epyc-12ccd"), cores_per_instance=5, instances=13)
    assert any("share two L3 caches" in line for line in text)
    assert not any("L3" in line for line in notes(machine("epyc-12ccd"), cores_per_instance=16))
