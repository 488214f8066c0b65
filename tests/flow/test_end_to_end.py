"""The real recipe with a small model through the launcher, its steps reading a data set."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.contract.plan import Instance, Plan, WeightSource
from pinbench.contract.result import Status
from pinbench.harness.launch.failure import InstanceError
from pinbench.harness.launch.launcher import launch

LOADER = Path(__file__).parents[1] / "data/criteo/loader"
ROWS = 20_000
SMALL: dict[str, Scalar] = {
    "ARCH_SPARSE_FEATURE_SIZE": 4,
    "ARCH_MLP_BOT": "13-8-4",
    "ARCH_MLP_TOP": "8-1",
    "ARCH_INTERACTION_OP": "dot",
    "MAX_IND_RANGE": 100,
    "DATA_LOADING": "end_to_end",
    "DATA_THREADS": 1,
}


def make_data(directory: Path, bad_row: int | None = None) -> Path:
    """Write ROWS rows; row `bad_row` has the label 9, where none is looked at before it is read."""
    directory.mkdir()
    rows = np.fromfile(LOADER / "terabyte_processed_test.bin", "<i4").reshape(-1, 40)
    rows = np.resize(rows, (ROWS, 40))
    if bad_row is not None:
        rows[bad_row, 0] = 9
    rows.tofile(directory / "terabyte_processed_test.bin")
    shutil.copy(LOADER / "day_fea_count.npz", directory)
    return directory


def make_plan(dataset: Path, steps: int) -> Plan:
    cpu = min(os.sched_getaffinity(0))
    knobs = Knobs(
        batch_size=64, warmup_steps=2, steps=steps, min_duration_s=0.0, data_type=DataType.REAL,
        dataset_dir=str(dataset), own=SMALL,
    )  # fmt: skip
    case = Case(
        workload="DLRM-PyTorch-Xeon-Public", name="dlrm", recipe="dlrm", function=Function.INFERENCE,
        mode=Mode.THROUGHPUT, isa=Isa.ANY, precision=Precision.FP32, variant=Variant.FULL, knobs=knobs,
    )  # fmt: skip
    instances = tuple(
        Instance(
            index=index, case=case, shard=index, shards=2, cpus=(cpu,), memory_nodes=(0,),
            weights=WeightSource.PRIVATE, store=None, weight_budget_bytes=1 << 24, env={"OMP_NUM_THREADS": "1"},
        )
        for index in range(2)
    )  # fmt: skip
    topology = Topology(
        cpus=(Cpu(id=cpu, core=cpu, socket=0, node=0, l3=0),),
        nodes=(Node(id=0, total_bytes=1 << 30, free_bytes=1 << 30),),
    )
    return Plan(case=case, topology=topology, instances=instances, deadline_s=300.0)


def test_two_instances_read_their_own_halves_in_their_steps(tmp_path: Path) -> None:
    plan = make_plan(make_data(tmp_path / "set"), steps=200)
    for index, result in enumerate(launch(plan, tmp_path, base_env=os.environ).results):
        assert result.status is Status.PASSED
        assert result.flow is not None
        assert result.flow.rows == 64 * len(result.step_ns) >= 64 * 200  # warm-up is not in it
        assert result.flow.read_bytes == 160 * result.flow.rows
        assert 0 <= result.flow.wait_ns <= sum(result.step_ns)
        assert result.data is not None
        assert result.data.rows == ROWS // 2
        assert f"rows {index * ROWS // 2} to {(index + 1) * ROWS // 2 - 1} of {ROWS}" in result.data.detail


def test_damage_in_the_middle_of_the_window_fails_the_instance_with_one_line(tmp_path: Path) -> None:
    plan = make_plan(make_data(tmp_path / "set", bad_row=17_777), steps=2000)
    with pytest.raises(InstanceError, match=r"instance 1.*terabyte_processed_test\.bin, row 17777: word 0 is 9"):
        launch(plan, tmp_path, base_env=os.environ)
    stderr = (tmp_path / "instance-001/stderr.log").read_text()
    assert "Traceback" not in stderr
    assert len(stderr.splitlines()) == 1
