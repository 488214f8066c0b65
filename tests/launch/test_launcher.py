from collections.abc import Callable
from pathlib import Path

import pytest

from pinbench.contract.host import Node, Topology
from pinbench.contract.plan import Instance, Plan
from pinbench.harness.launch.launcher import find_numactl


@pytest.fixture
def make_plan(make_instance: Callable[..., Instance]) -> Callable[[int], Plan]:
    """Make a plan with one instance on each of so many nodes."""

    def make(nodes: int) -> Plan:
        instances = tuple(make_instance(index=node, memory_nodes=(node,)) for node in range(nodes))
        topology = Topology(cpus=(), nodes=tuple(Node(id=n, total_bytes=1, free_bytes=1) for n in range(nodes)))
        return Plan(case=instances[0].case, topology=topology, instances=instances, deadline_s=1)

    return make


@pytest.fixture
def fake_numactl(tmp_path: Path) -> Path:
    """Succeeds for the words that the probe must say, and only for these."""
    path = tmp_path / "numactl"
    path.write_text('#!/bin/sh\n[ "$*" = "--membind=0-1 -- true" ]\n')
    path.chmod(0o755)
    return path


def test_numactl_is_used_where_it_exists_and_works(make_plan: Callable[[int], Plan], fake_numactl: Path) -> None:
    assert find_numactl(make_plan(2), {"PATH": f"{fake_numactl.parent}:/bin"}) == str(fake_numactl)


def test_a_numactl_that_the_kernel_refuses_is_left_out(make_plan: Callable[[int], Plan], fake_numactl: Path) -> None:
    fake_numactl.write_text("#!/bin/sh\necho 'set_mempolicy: Operation not permitted' >&2\nexit 1\n")
    assert find_numactl(make_plan(2), {"PATH": f"{fake_numactl.parent}:/bin"}) is None


def test_one_node_needs_no_numactl(make_plan: Callable[[int], Plan], fake_numactl: Path) -> None:
    assert find_numactl(make_plan(1), {"PATH": f"{fake_numactl.parent}:/bin"}) is None


def test_without_numactl_the_child_binds_itself(make_plan: Callable[[int], Plan], tmp_path: Path) -> None:
    assert find_numactl(make_plan(2), {"PATH": str(tmp_path)}) is None
