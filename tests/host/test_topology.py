import os

import pytest

from pinbench.base.errors import HostError
from pinbench.base.units import GIB, KIB
from pinbench.harness.host.topology import read_topology


def cpu_of(topology, number):
    return next(cpu for cpu in topology.cpus if cpu.id == number)


def shape(topology):
    """Return CPUs, cores, sockets, nodes, L3 domains."""
    cpus = topology.cpus
    kinds = ({c.core for c in cpus}, {c.socket for c in cpus}, {c.node for c in cpus}, {c.l3 for c in cpus})
    return len(cpus), *map(len, kinds)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("xeon-2s-snc4", (224, 112, 2, 8, 2)),
        ("epyc-12ccd", (192, 96, 1, 1, 12)),
        ("graviton3", (64, 64, 1, 1, 1)),
        ("altra-2s", (160, 160, 2, 2, 2)),
        ("vm-interleaved", (8, 4, 1, 1, 1)),
        ("container-0-3", (2, 2, 1, 1, 1)),
        ("offline", (12, 7, 1, 1, 1)),
        ("pod-cgroup2", (7, 6, 2, 2, 2)),
        ("memoryless", (16, 16, 2, 2, 2)),
        ("no-numa", (4, 4, 1, 1, 1)),
        ("firecracker", (2, 2, 1, 1, 1)),
    ],
)
def test_each_machine_has_its_cpus_cores_sockets_nodes_and_l3_domains(machine, name, expected):
    assert shape(read_topology(machine(name))) == expected


def test_siblings_share_a_core_wherever_they_are_numbered(machine):
    xeon = read_topology(machine("xeon-2s-snc4"))
    assert cpu_of(xeon, 125).core == cpu_of(xeon, 13).core == 13
    assert cpu_of(xeon, 125).node == 0
    assert cpu_of(xeon, 223).node == 7
    guest = read_topology(machine("vm-interleaved"))
    assert [cpu.core for cpu in guest.cpus] == [0, 0, 2, 2, 4, 4, 6, 6]


def test_a_core_whose_first_thread_is_off_is_named_by_the_other(machine):
    topology = read_topology(machine("offline"))
    assert topology.offline_cpus == (5, 6, 9, 14)
    assert cpu_of(topology, 13).core == 13
    assert cpu_of(topology, 1).core == 1


def test_the_cpuset_hides_cpus_even_where_the_affinity_mask_is_not_shown(machine):
    topology = read_topology(machine("pod-cgroup2"))
    assert [cpu.id for cpu in topology.cpus] == [4, 5, 6, 7, 20, 21, 36]
    assert len(topology.hidden_cpus) == 57
    assert cpu_of(topology, 36).core == 4
    assert topology.cpu_quota == 3.5


def test_the_affinity_mask_hides_cpus(own_machine):
    root = own_machine("graviton3")
    topology = read_topology(root, allowed={8, 9, 200})
    assert [cpu.id for cpu in topology.cpus] == [8, 9]
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/status").write_text("Cpus_allowed_list:\t3,5-6\n")
    assert [cpu.id for cpu in read_topology(root).cpus] == [3, 5, 6]


def test_without_an_l3_the_node_stands_for_it(machine):
    topology = read_topology(machine("altra-2s"))
    assert {cpu.l3 for cpu in topology.cpus if cpu.node == 0} == {0}
    assert {cpu.l3 for cpu in topology.cpus if cpu.node == 1} == {80}


def test_without_numa_the_memory_is_the_machines(machine):
    topology = read_topology(machine("no-numa"))
    assert [(node.id, node.total_bytes, node.free_bytes) for node in topology.nodes] == [
        (0, 8_000_000 * KIB, 7_400_000 * KIB)
    ]
    assert {cpu.socket for cpu in topology.cpus} == {0}


def test_free_memory_counts_file_pages_and_stops_at_what_the_cgroup_leaves(machine):
    xeon = read_topology(machine("xeon-2s-snc4"))
    assert xeon.nodes[3].free_bytes == 54_000_000 * KIB
    assert xeon.memory_limit_bytes is None
    pod = read_topology(machine("pod-cgroup2"))
    assert [node.free_bytes for node in pod.nodes] == [10 * GIB, 10 * GIB]
    assert pod.memory_remaining_bytes == 10 * GIB


def test_memory_that_is_plugged_in_on_demand_counts_as_the_machine_shows_it(machine):
    (node,) = read_topology(machine("firecracker")).nodes
    assert node.total_bytes == 24_684_092 * KIB


def test_a_node_without_memory_points_to_the_nearest_that_has_some(machine):
    topology = read_topology(machine("memoryless"))
    assert [node.id for node in topology.nodes] == [0, 2]
    assert topology.nearest_memory == {1: 0}


def test_memory_of_a_forbidden_node_is_not_counted(own_machine):
    root = own_machine("pod-cgroup2")
    (root / "sys/fs/cgroup/kubepods.slice/cpuset.mems.effective").write_text("1\n")
    topology = read_topology(root)
    assert [node.id for node in topology.nodes] == [1]
    assert topology.nearest_memory == {0: 1}


def test_no_usable_cpu_is_refused_with_the_masks(machine):
    with pytest.raises(HostError, match=r"no CPU may be used: 0-63 are online, the affinity mask is 99, the cgroup's"):
        read_topology(machine("graviton3"), allowed={99})


def test_no_usable_memory_is_refused(own_machine):
    root = own_machine("pod-cgroup2")
    (root / "sys/fs/cgroup/kubepods.slice/cpuset.mems.effective").write_text("7\n")
    with pytest.raises(HostError, match="no memory may be used"):
        read_topology(root)


def test_a_system_without_sysfs_is_refused(tmp_path):
    with pytest.raises(HostError, match="mount sysfs"):
        read_topology(tmp_path)


def test_this_machine_offers_what_its_scheduler_offers():
    topology = read_topology()
    assert {cpu.id for cpu in topology.cpus} == os.sched_getaffinity(0)
    assert all(0 < node.free_bytes <= node.total_bytes for node in topology.nodes)
