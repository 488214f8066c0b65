from dataclasses import replace

import pytest

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.errors import PlanError
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.harness.host.topology import read_topology
from pinbench.harness.plan.placement import cores_by_node
from pinbench.harness.plan.share import share_of

MACHINES = ["xeon-2s-snc4", "epyc-12ccd", "altra-2s", "vm-interleaved", "container-0-3", "offline", "memoryless"]


def parts(topology, count):
    return [share_of(topology, number, count)[0] for number in range(1, count + 1)]


def cpus(topology):
    return format_cpu_list(cpu.id for cpu in topology.cpus)


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("count", [2, 3])
def test_no_core_is_in_two_parts_and_all_parts_are_of_one_size(machine, name, count):
    topology = read_topology(machine(name))
    if sum(map(len, cores_by_node(topology).values())) < count:
        pytest.skip("fewer cores than parts")
    made = parts(topology, count)
    cores = [{cpu.core for cpu in part.cpus} for part in made]
    assert len(set(map(len, cores))) == 1
    assert len(set.union(*cores)) == sum(map(len, cores))
    assert all({cpu.core for cpu in topology.cpus if cpu.id not in {c.id for c in part.cpus}}.isdisjoint(own)
               for part, own in zip(made, cores, strict=True))  # fmt: skip


def test_two_parts_of_a_machine_with_nodes_are_nodes(machine):
    first, second = parts(read_topology(machine("altra-2s")), 2)
    assert {cpu.node for cpu in first.cpus} == {0}
    assert {cpu.node for cpu in second.cpus} == {1}


def host(cores, threads=1):
    every = [Cpu(id=i, core=i % cores, socket=0, node=0, l3=0) for i in range(cores * threads)]
    return Topology(cpus=tuple(every), nodes=(Node(id=0, total_bytes=64, free_bytes=40),))


def test_siblings_stay_together_and_what_does_not_divide_stays_idle():
    assert [cpus(part) for part in parts(host(5, threads=2), 2)] == ["0-1,5-6", "2-3,7-8"]


def test_free_memory_is_divided_as_the_cores_are():
    assert [part.nodes[0].free_bytes for part in parts(host(4), 2)] == [20, 20]
    assert parts(host(4), 2)[0].nodes[0].total_bytes == 64
    limited = replace(host(4), memory_limit_bytes=50, memory_remaining_bytes=30)
    assert parts(limited, 2)[1].memory_remaining_bytes == 15


def test_a_note_says_which_part_it_is():
    _, note = share_of(host(4), 2, 2)
    assert note == "part 2 of 2 of this host: cpus 2-3; the other part runs at the same time"
    assert share_of(host(4), 1, 3)[1].endswith("cpus 0; the other parts run at the same time")


def test_more_parts_than_cores_are_refused_with_what_fits():
    with pytest.raises(PlanError, match=r"3 runs .* there are 2 cores \(cpus 0-1\).*Set --burst to 2 or less"):
        share_of(host(2), 1, 3)
