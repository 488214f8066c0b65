from pathlib import Path

import pytest

from pinbench.base.errors import PlanError
from pinbench.base.jsonio import from_jsonable, to_jsonable
from pinbench.base.units import GIB
from pinbench.contract.case import Function, Isa, Mode, Precision, Scenario
from pinbench.contract.plan import Plan, WeightSource
from pinbench.harness.host.facts import read_facts
from pinbench.harness.host.topology import read_topology
from pinbench.harness.plan.planner import make_plan

BUILD, MAP, PRIVATE = WeightSource.BUILD, WeightSource.MAP, WeightSource.PRIVATE


@pytest.fixture
def planned(machine, case):
    def plan(name, **changes):
        root = machine(name)
        return make_plan(case(**changes), read_topology(root), read_facts(root))

    return plan


def test_each_instance_gets_its_cores_its_nodes_memory_and_its_shard(planned):
    plan = planned("altra-2s")
    first, second = plan.instances
    assert (first.cpus, second.cpus) == (tuple(range(80)), tuple(range(80, 160)))
    assert (first.memory_nodes, second.memory_nodes) == ((0,), (1,))
    assert [(i.index, i.shard, i.shards) for i in plan.instances] == [(0, 0, 2), (1, 1, 2)]
    assert second.env["OMP_PLACES"].startswith("{80},{81},")


def test_the_first_instance_of_a_node_builds_what_the_others_map(planned):
    plan = planned("altra-2s", cores_per_instance=20)
    assert [i.weights for i in plan.instances] == [BUILD, MAP, MAP, MAP] * 2
    assert [i.store for i in plan.instances] == [0] * 4 + [1] * 4


@pytest.mark.parametrize(
    "changes",
    [
        {"cores_per_instance": 20, "weight_sharing": False},
        {"cores_per_instance": 20, "function": Function.TRAINING},
        {},  # one instance a node: nobody to share with
    ],
)
def test_weights_are_private_where_sharing_is_off_or_useless(planned, changes):
    plan = planned("altra-2s", **changes)
    assert {(i.weights, i.store) for i in plan.instances} == {(PRIVATE, None)}


def test_instances_of_a_node_without_memory_share_with_those_whose_memory_they_use(planned):
    plan = planned("memoryless")
    assert [i.memory_nodes for i in plan.instances] == [(0,), (0,)]
    assert [(i.weights, i.store) for i in plan.instances] == [(BUILD, 0), (MAP, 0)]


def test_an_instance_that_straddles_nodes_keeps_its_weights_on_all_of_them(planned):
    plan = planned("xeon-2s-snc4", cores_per_instance=28, own={"STRADDLE_NODES": True})
    assert plan.instances[1].memory_nodes == (2, 3)
    assert {i.weights for i in plan.instances} == {PRIVATE}


def test_all_instances_have_the_same_budget(planned):
    plan = planned("xeon-2s-snc4", mode=Mode.LATENCY)
    assert len({i.weight_budget_bytes for i in plan.instances}) == 1
    free = next(node.free_bytes for node in plan.topology.nodes if node.id == 3)  # the fullest
    assert plan.instances[0].weight_budget_bytes == int(0.75 * free - 3 * GIB / 2)


def test_all_instances_know_the_most_that_share_a_copy(planned):
    plan = planned("xeon-2s-snc4", mode=Mode.LATENCY)
    stores = [i.store for i in plan.instances if i.store is not None]
    assert {i.weight_users for i in plan.instances} == {max(map(stores.count, stores))} != {1}
    assert {i.weight_users for i in planned("altra-2s").instances} == {1}


def test_a_container_is_planned_within_its_cpus_and_memory(planned):
    plan = planned("container-0-3", instances=2)
    assert [i.cpus for i in plan.instances] == [(0,), (3,)]
    # 1.5 GiB remain; three quarters less two processes
    assert plan.instances[0].weight_budget_bytes == int((0.75 * 1.5 - 1.0) * GIB)
    assert any("grants 1 CPUs of time" in note for note in plan.notes)


def test_the_notes_hold_what_was_chosen_and_what_could_spoil_it(machine, case):
    root = machine("vm-interleaved")
    plan = make_plan(case(), read_topology(root), read_facts(root), load_1m=4.0)
    assert [note.split(":")[0] for note in plan.notes] == [
        "one thread a physical core",
        "the load average of the last minute is 4 on 8 CPUs",
    ]


def test_an_emulated_precision_comes_first_among_the_notes(planned):
    lacks = "this host has no amx_tile and no amx_int8"
    plan = planned("firecracker", isa=Isa.AMX, precision=Precision.INT8, allow_emulation=True)
    assert plan.emulation == lacks
    assert plan.notes[0] == f"amx_int8 is emulated: {lacks}, so its speed says nothing"
    assert planned("firecracker").emulation is None


def test_instances_smaller_than_latency_mode_defines_are_told(planned):
    assert planned("pod-cgroup2", mode=Mode.LATENCY).notes[0] == (
        "latency mode has 4 cores per instance, instances 1 have 2: compare with runs of the same size only"
    )
    assert not any("latency" in note for note in planned("memoryless", mode=Mode.LATENCY).notes)
    assert not any("latency" in note for note in planned("pod-cgroup2").notes)


def test_the_allocator_reaches_the_environment(machine, case):
    root = machine("firecracker")
    library = Path("/usr/lib/libjemalloc.so.2")
    plan = make_plan(case(allocator="jemalloc"), read_topology(root), read_facts(root), allocator=library)
    assert plan.instances[0].env["LD_PRELOAD"] == str(library)


def test_an_allocator_that_nobody_looked_for_is_our_own_mistake(planned):
    with pytest.raises(AssertionError, match="the caller finds the allocator"):
        planned("firecracker", allocator="jemalloc")


def test_what_does_not_fit_is_refused(planned):
    with pytest.raises(PlanError, match="64 cores per instance do not fit"):
        planned("firecracker", cores_per_instance=64)
    with pytest.raises(PlanError, match="deadline"):
        planned("firecracker", deadline_s=1.0, min_duration_s=2.0)


def test_a_plan_survives_json(planned):
    plan = planned("memoryless", cores_per_instance=4)
    assert from_jsonable(Plan, to_jsonable(plan)) == plan


def test_the_deadline_is_the_cases(planned):
    assert planned("firecracker", deadline_s=77.0).deadline_s == 77.0


@pytest.mark.parametrize(("mode", "cores"), [(Mode.THROUGHPUT, 80), (Mode.LATENCY, 4)])
def test_one_loadgen_tests_one_instance(planned, mode, cores):
    (instance,) = planned("altra-2s", scenario=Scenario.OFFLINE, mode=mode).instances
    assert len(instance.cpus) == cores
    straddling = planned("altra-2s", scenario=Scenario.OFFLINE, cores_per_instance=160, own={"STRADDLE_NODES": True})
    assert [len(instance.cpus) for instance in straddling.instances] == [160]
