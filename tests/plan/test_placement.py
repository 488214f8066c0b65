from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.errors import PlanError
from pinbench.contract.case import Mode
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.harness.host.topology import read_topology
from pinbench.harness.plan.placement import Demand, cores_by_node, place

MACHINES = [
    "xeon-2s-snc4", "epyc-12ccd", "graviton3", "altra-2s", "vm-interleaved", "container-0-3", "offline", "pod-cgroup2",
    "memoryless", "no-numa", "firecracker",
]  # fmt: skip
THROUGHPUT, LATENCY = Demand(mode=Mode.THROUGHPUT), Demand(mode=Mode.LATENCY)


def lists(slots):
    """Return each instance's CPUs as the kernel writes them."""
    return [format_cpu_list(cpu.id for cpu in slot) for slot in slots]


def wanted(cores=None, instances=None, straddle=False, mode=Mode.THROUGHPUT):
    return Demand(mode=mode, cores_per_instance=cores, instances=instances, straddle_nodes=straddle)


def uneven(*sizes, l3_size=None):
    """Return a host of nodes with so many cores each; an L3 domain is the node or `l3_size` of its cores."""
    cpus, first = [], 0
    for node, size in enumerate(sizes):
        for i in range(size):
            l3 = first + (i // l3_size * l3_size if l3_size else 0)
            cpus.append(Cpu(id=first + i, core=first + i, socket=0, node=node, l3=l3))
        first += size
    nodes = tuple(Node(id=node, total_bytes=1 << 34, free_bytes=1 << 34) for node in range(len(sizes)))
    return Topology(cpus=tuple(cpus), nodes=nodes)


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("demand", [THROUGHPUT, LATENCY, wanted(cores=1), wanted(instances=1), wanted(instances=2)])
def test_each_core_is_used_once_none_across_nodes_and_the_order_is_stable(machine, name, demand):
    topology = read_topology(machine(name))
    slots = place(topology, demand)
    cores = [cpu.core for slot in slots for cpu in slot]
    assert slots
    assert len(cores) == len(set(cores))
    assert all(len({cpu.node for cpu in slot}) == 1 for slot in slots)
    assert [slot[0].node for slot in slots] == sorted(slot[0].node for slot in slots)
    assert slots == place(topology, demand)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("xeon-2s-snc4", ["0-13", "14-27", "28-41", "42-55", "56-69", "70-83", "84-97", "98-111"]),
        ("epyc-12ccd", ["0-95"]),
        ("graviton3", ["0-63"]),
        ("altra-2s", ["0-79", "80-159"]),
        ("vm-interleaved", ["0,2,4,6"]),
        ("container-0-3", ["0,3"]),
        ("offline", ["0-4,7,13"]),
        ("pod-cgroup2", ["4-7", "20-21"]),
        ("memoryless", ["0-7", "8-15"]),
        ("firecracker", ["0-1"]),
    ],
)
def test_throughput_takes_one_instance_per_node_with_all_its_cores(machine, name, expected):
    assert lists(place(read_topology(machine(name)), THROUGHPUT)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vm-interleaved", ["0,2,4,6"]),
        ("container-0-3", ["0,3"]),  # the whole node where it has fewer than four
        ("offline", ["0-3"]),
        ("pod-cgroup2", ["4-7", "20-21"]),
        ("memoryless", ["0-3", "4-7", "8-11", "12-15"]),
    ],
)
def test_latency_takes_four_cores_per_instance_and_as_many_as_fit(machine, name, expected):
    assert lists(place(read_topology(machine(name)), LATENCY)) == expected


def test_latency_on_clustered_sockets_fills_each_node(machine):
    slots = place(read_topology(machine("xeon-2s-snc4")), LATENCY)
    assert lists(slots)[:4] == ["0-3", "4-7", "8-11", "14-17"]
    assert len(slots) == 24


def test_a_latency_instance_has_four_cores_however_few_there_are_to_be(machine):
    xeon = read_topology(machine("xeon-2s-snc4"))
    assert lists(place(xeon, wanted(instances=1, mode=Mode.LATENCY))) == ["0-3"]
    assert lists(place(xeon, wanted(instances=2, mode=Mode.LATENCY))) == ["0-3", "14-17"]
    assert lists(place(xeon, wanted(instances=1, straddle=True, mode=Mode.LATENCY))) == ["0-3"]
    # ... and fewer where the number asks for it
    assert lists(place(uneven(6), wanted(instances=3, mode=Mode.LATENCY))) == ["0-1", "2-3", "4-5"]


def test_accuracy_is_placed_like_throughput(machine):
    topology = read_topology(machine("altra-2s"))
    assert place(topology, Demand(mode=Mode.ACCURACY)) == place(topology, THROUGHPUT)


def test_instances_that_fit_an_l3_stay_in_it(machine):
    topology = read_topology(machine("epyc-12ccd"))
    slots = place(topology, LATENCY)
    assert len(slots) == 24
    assert all(len({cpu.l3 for cpu in slot}) == 1 for slot in slots)
    assert lists(slots)[:3] == ["0-3", "4-7", "8-11"]


def test_few_instances_are_dealt_out_to_the_l3_domains(machine):
    topology = read_topology(machine("epyc-12ccd"))
    assert lists(place(topology, wanted(cores=4, instances=3))) == ["0-3", "8-11", "16-19"]
    assert len({slot[0].l3 for slot in place(topology, wanted(cores=4, instances=12))}) == 12


def test_cores_left_over_in_several_domains_make_up_the_last_instances(machine):
    slots = place(read_topology(machine("epyc-12ccd")), wanted(cores=5))
    assert len(slots) == 19  # 12 in one domain each, 7 of three cores here and two there
    assert sum(len({cpu.l3 for cpu in slot}) == 1 for slot in slots) == 12


def test_instances_larger_than_an_l3_take_whole_domains_where_there_are_enough(machine):
    topology = read_topology(machine("epyc-12ccd"))
    assert lists(place(topology, wanted(cores=16)))[:2] == ["0-15", "16-31"]
    assert lists(place(topology, wanted(cores=12, instances=6)))[:2] == ["0-11", "16-27"]
    assert lists(place(topology, wanted(cores=12)))[:2] == ["0-11", "12-23"]  # all eight: no domain to spare


def test_only_the_size_given_fits_as_many_as_there_are(machine):
    assert lists(place(read_topology(machine("memoryless")), wanted(cores=3))) == ["0-2", "3-5", "8-10", "11-13"]
    assert lists(place(uneven(2, 10), wanted(cores=4))) == ["2-5", "6-9"]


def test_only_the_number_given_divides_the_cores_evenly(machine):
    xeon = read_topology(machine("xeon-2s-snc4"))
    assert lists(place(xeon, wanted(instances=16)))[:3] == ["0-6", "7-13", "14-20"]
    assert lists(place(xeon, wanted(instances=2))) == ["0-13", "14-27"]
    assert lists(place(uneven(56, 56), wanted(instances=3))) == ["0-27", "28-55", "56-83"]
    assert lists(place(uneven(2, 10), wanted(instances=1))) == ["2-11"]
    assert lists(place(uneven(3, 2), wanted(instances=5))) == ["0", "1", "2", "3", "4"]


def test_both_given_are_obeyed_and_dealt_out_to_the_nodes(machine):
    assert lists(place(read_topology(machine("memoryless")), wanted(cores=2, instances=2))) == ["0-1", "8-9"]


def test_an_instance_straddles_nodes_only_when_asked(machine):
    topology = read_topology(machine("memoryless"))
    with pytest.raises(PlanError, match="or STRADDLE_NODES to True"):
        place(topology, wanted(cores=12))
    assert lists(place(topology, wanted(cores=12, straddle=True))) == ["0-11"]
    assert lists(place(topology, wanted(instances=1, straddle=True))) == ["0-15"]
    # ... and not where the nodes hold it
    assert lists(place(topology, wanted(cores=6, straddle=True))) == ["0-5", "8-13"]
    assert lists(place(topology, wanted(straddle=True))) == ["0-7", "8-15"]


def test_an_instance_larger_than_any_node_is_refused_with_the_largest(machine):
    with pytest.raises(PlanError) as caught:
        place(read_topology(machine("firecracker")), wanted(cores=64))
    assert str(caught.value) == (
        "64 cores per instance do not fit: the largest node (0) offers 2 (cpus 0-1). "
        "Set CORES_PER_INSTANCE to 2 or less"
    )


def test_the_refusal_tells_which_cpus_are_hidden(machine):
    with pytest.raises(PlanError, match=r"offers 2 \(cpus 0,3; the cgroup or the affinity mask hides 1-2\)"):
        place(read_topology(machine("container-0-3")), wanted(cores=4))


def test_too_many_instances_of_a_size_are_refused_with_both_ways_out(machine):
    with pytest.raises(PlanError) as caught:
        place(read_topology(machine("memoryless")), wanted(cores=4, instances=5))
    assert str(caught.value) == (
        "5 instances of 4 cores do not fit: there is room for 4 (node 0: 8 cores, node 1: 8 cores). "
        "Set INSTANCE_NUMBER to 4 or less, or CORES_PER_INSTANCE to 2 or less"
    )


def test_more_instances_than_cores_are_refused(machine):
    with pytest.raises(PlanError, match=r"3 instances do not fit: there are 2 cores .*Set INSTANCE_NUMBER to 2"):
        place(read_topology(machine("container-0-3")), wanted(instances=3))
    with pytest.raises(PlanError, match=r"^2 instances of 2 cores do not fit: there is room for 1 "):
        place(read_topology(machine("container-0-3")), wanted(cores=2, instances=2))
    with pytest.raises(PlanError, match=r"room for 2 .*Set INSTANCE_NUMBER to 2 or less$"):
        place(read_topology(machine("container-0-3")), wanted(cores=1, instances=3))


def test_straddling_has_its_limit_too(machine):
    with pytest.raises(PlanError, match=r"17 cores per instance do not fit: this host offers 16 \(cpus 0-15\)"):
        place(read_topology(machine("memoryless")), wanted(cores=17, straddle=True))


def test_the_first_usable_thread_of_a_core_computes(machine):
    nodes = cores_by_node(read_topology(machine("offline")))
    assert [cpu.id for cpu in nodes[0]] == [0, 1, 2, 3, 4, 7, 13]  # 13: its sibling 5 is off


@given(
    sizes=st.lists(st.integers(1, 24), min_size=1, max_size=4),
    l3_size=st.sampled_from([None, 1, 3, 4, 8]),
    cores=st.none() | st.integers(1, 30),
    instances=st.none() | st.integers(1, 40),
    straddle=st.booleans(),
    mode=st.sampled_from(list(Mode)),
)
def test_what_is_asked_for_is_obeyed_exactly_or_refused(sizes, l3_size, cores, instances, straddle, mode):
    topology = uneven(*sizes, l3_size=l3_size)
    try:
        slots = place(topology, wanted(cores, instances, straddle, mode))
    except PlanError:
        inside = sum(size // (cores or 1) for size in sizes)
        room = sum(sizes) // (cores or 1) if straddle else inside
        assert room < (instances or 1)
        return
    used = list(chain.from_iterable(slots))
    assert len(used) == len(set(used))
    assert instances in (None, len(slots))
    if cores or instances:
        assert len({len(slot) for slot in slots}) == 1
        assert cores in (None, len(slots[0]))
    if not straddle:
        assert all(len({cpu.node for cpu in slot}) == 1 for slot in slots)
