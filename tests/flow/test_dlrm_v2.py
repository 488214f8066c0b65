"""The real recipe of the multi-hot DLRM through the launcher: two instances on one copy of the tables."""

import os
from pathlib import Path

import pytest

from pinbench.contract.case import Case
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.contract.plan import Plan
from pinbench.contract.result import Status
from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.override import customise
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.host.facts import read_facts
from pinbench.harness.launch.launcher import Launched, launch
from pinbench.harness.plan.planner import make_plan


def small_case(**changed: str) -> Case:
    workload = load_workload(WORKLOAD_ROOT / "DLRMv2-PyTorch-ARM")
    case = find_case(workload, "test_aws_dlrmv2_pytorch_arm_throughput_gated")
    sizes = {"TABLE_ROWS": "3000", "BATCH_SIZE": "256", "STEPS": "3", "MIN_DURATION": "0", "WARMUP_STEPS": "1"}
    return customise(workload, case, environment=sizes | changed, directory=Path("/"))


def plan_of(case: Case) -> Plan:
    cpu = min(os.sched_getaffinity(0))
    # Two cores that are one: an instance on each, wherever the tests run.
    topology = Topology(
        cpus=tuple(Cpu(id=cpu, core=core, socket=0, node=0, l3=0) for core in range(2)),
        nodes=(Node(id=0, total_bytes=8 << 30, free_bytes=8 << 30),),
    )
    return make_plan(case, topology, read_facts())


def ran(plan: Plan, directory: Path) -> Launched:
    return launch(plan, directory, base_env=os.environ)


@pytest.mark.parametrize("engine", ["pinned", "eager"])
def test_instances_of_one_core_share_the_tables_and_have_samples_of_their_own(tmp_path: Path, engine: str) -> None:
    plan = plan_of(small_case(ENGINE=engine))
    assert [instance.weights.value for instance in plan.instances] == ["build", "map"]
    assert {instance.env["TORCH_MKLDNN_MATMUL_MIN_DIM"] for instance in plan.instances} == {"1024"}
    results = ran(plan, tmp_path).results
    for result in results:
        assert result.status is Status.PASSED
        assert result.quality is not None
        assert (result.quality.samples, result.quality.tolerance) == (64, 1e-4)
        assert result.model is not None
        assert result.model.table_rows == 24_000
        assert len(result.step_ns) >= 3
    assert results[0].data != results[1].data
