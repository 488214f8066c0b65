from dataclasses import replace

import pytest

from pinbench.base.errors import PlanError, UsageError
from pinbench.contract.case import Mode
from pinbench.harness.host.facts import read_facts
from pinbench.harness.host.topology import read_topology
from pinbench.harness.plan.preflight import refuse, warnings


@pytest.fixture
def warned(machine):
    def read(name, load_1m=None, **facts):
        root = machine(name)
        return "\n".join(warnings(read_topology(root), replace(read_facts(root), **facts), load_1m))

    return read


def test_a_quiet_well_set_up_machine_has_no_warning(warned):
    assert warned("epyc-12ccd", load_1m=0.3) == ""


def test_the_load_counts_in_proportion_to_the_cpus(warned):
    assert "load average of the last minute is 0.6 on 2 CPUs" in warned("firecracker", load_1m=0.6)
    assert "load" not in warned("firecracker", load_1m=0.4)
    assert "load" not in warned("epyc-12ccd", load_1m=19.0)
    assert "load" in warned("epyc-12ccd", load_1m=20.0)


def test_a_cpu_quota_is_told(warned):
    assert "the cgroup grants 3.5 CPUs of time" in warned("pod-cgroup2")


def test_cores_that_others_share_are_named(warned):
    text = warned("pod-cgroup2", smt="on")
    assert "the other hardware threads of cores 5-7,20-21 belong to someone else" in text  # 4 is ours with 36
    assert "hardware threads" not in warned("pod-cgroup2", smt="off")
    assert "hardware threads" not in warned("xeon-2s-snc4")


def test_settings_that_let_clocks_or_pages_move_are_told(warned):
    text = warned("xeon-2s-snc4")
    assert "the frequency governor is performance, powersave (intel_pstate)" in text
    assert "976.6 MiB of swap are in use" in text
    assert "automatic NUMA balancing is on" in text
    assert "NUMA balancing" not in warned("epyc-12ccd", numa_balancing=True)  # one node: nothing to balance


def test_huge_pages_that_cannot_be_had_are_told(warned):
    assert "huge pages are off" in warned("epyc-12ccd", transparent_hugepages="never")


def test_offline_cpus_are_named(warned):
    assert "CPUs 5-6,9,14 are offline" in warned("offline")


def test_a_deadline_within_the_window_is_refused(case):
    with pytest.raises(PlanError, match="a deadline of 5 s ends before the measured window of 10 s"):
        refuse(case(deadline_s=5.0, min_duration_s=10.0))
    refuse(case(deadline_s=60.0, min_duration_s=10.0))


def test_only_accuracy_knows_its_steps_by_itself(case):
    without = case(steps=None)
    with pytest.raises(
        UsageError, match="STEPS has no value, and only accuracy knows by itself how many steps it takes"
    ):
        refuse(without)
    refuse(replace(without, mode=Mode.ACCURACY))
