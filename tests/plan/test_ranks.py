"""Who the ranks of a training are, and where they are told to meet."""

import pytest

from pinbench.base.errors import UsageError
from pinbench.contract.case import Function
from pinbench.harness.host.facts import read_facts
from pinbench.harness.host.topology import read_topology
from pinbench.harness.plan.planner import make_plan
from pinbench.harness.plan.ranks import Hosts, read_hosts

OWN = {"DISTRIBUTED": True, "DIST_BACKEND": "gloo", "CCL_WORKER_COUNT": 2}
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0",
    "GROUP_RANK": "1", "GROUP_WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "1", "RANK": "1", "WORLD_SIZE": "3",
    "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500",
}  # fmt: skip


@pytest.fixture
def planned(machine, case):
    def plan(hosts=None, own=OWN, function=Function.TRAINING):
        root = machine("altra-2s")
        return make_plan(case(own=own, function=function), read_topology(root), read_facts(root), hosts=hosts)

    return plan


def test_the_instances_of_one_host_are_its_ranks_and_the_port_is_left_to_the_launcher(planned):
    plan = planned()
    told = [(i.env["RANK"], i.env["WORLD_SIZE"], i.env["LOCAL_RANK"], i.env["MASTER_ADDR"]) for i in plan.instances]
    assert told == [("0", "2", "0", "127.0.0.1"), ("1", "2", "1", "127.0.0.1")]
    assert {i.env["GLOO_SOCKET_IFNAME"] for i in plan.instances} == {"lo"}
    assert not any("MASTER_PORT" in i.env for i in plan.instances)
    assert "the 2 instances are ranks of one training: each learns its part of every batch" in plan.notes


def test_ranks_count_on_over_the_hosts_that_torchrun_names(planned):
    hosts = read_hosts(TORCHRUN)
    assert hosts == Hosts(
        count=3, number=1, address="10.0.0.1", port=29500, interface=None,
        env={"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"},
    )  # fmt: skip
    first, second = planned(hosts).instances
    assert [(i.env["RANK"], i.env["WORLD_SIZE"], i.env["LOCAL_RANK"]) for i in (first, second)] == [
        ("2", "6", "0"), ("3", "6", "1")
    ]  # fmt: skip
    assert (first.env["MASTER_ADDR"], first.env["MASTER_PORT"]) == ("10.0.0.1", "29500")
    assert first.env["TORCHELASTIC_USE_AGENT_STORE"] == "True"
    assert "GLOO_SOCKET_IFNAME" not in first.env
    (note,) = [note for note in planned(hosts).notes if "ranks" in note]
    assert note.startswith("the 2 instances are ranks 2 to 3 of 6, host 1 of 3:")


def test_without_torchrun_a_host_is_alone_whatever_else_is_set():
    assert read_hosts({"RANK": "3", "MASTER_ADDR": "10.0.0.1"}) == Hosts()


def test_several_processes_of_torchrun_on_a_host_are_refused_with_the_way_out():
    with pytest.raises(UsageError, match=r"torchrun started 4 of this command on this host; .*--nproc-per-node=1.*"):
        read_hosts(TORCHRUN | {"LOCAL_WORLD_SIZE": "4"})


@pytest.mark.parametrize(
    ("own", "function"),
    [({"DISTRIBUTED": False}, Function.TRAINING), ({}, Function.INFERENCE), (OWN, Function.INFERENCE)],
)
def test_instances_that_are_no_ranks_are_told_nothing(planned, own, function):
    for instance in planned(own=own, function=function).instances:
        assert not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "GLOO_SOCKET_IFNAME"} & set(instance.env)


def test_workers_of_oneccl_run_on_the_last_cores_of_their_rank(planned):
    first, second = planned(own=OWN | {"DIST_BACKEND": "ccl"}).instances
    assert first.env["CCL_WORKER_COUNT"] == "2"
    assert first.env["CCL_WORKER_AFFINITY"] == second.env["CCL_WORKER_AFFINITY"] == "79,78,159,158"
    assert (second.env["CCL_LOCAL_RANK"], second.env["CCL_LOCAL_SIZE"]) == ("1", "2")
    assert second.env["CCL_KVS_IFACE"] == "lo"
    assert not any(name.startswith("CCL_") for name in planned().instances[0].env)
