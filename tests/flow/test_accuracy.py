"""An accuracy run through the launcher: real processes, the reference's checkpoint and its labelled rows."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from records import make_record
from sklearn.metrics import roc_auc_score

from pinbench.base.jsonio import write_json
from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.contract.plan import Instance, Plan, WeightSource
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import format_block, parse_block
from pinbench.harness.launch.failure import InstanceError
from pinbench.harness.launch.launcher import launch
from pinbench.harness.launch.leader import Watcher

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
TINY: dict[str, Scalar] = {
    "ARCH_SPARSE_FEATURE_SIZE": 16,
    "ARCH_MLP_BOT": "13-32-24-16",
    "ARCH_MLP_TOP": "64-48-32-24-1",
    "ARCH_INTERACTION_OP": "dot",
    "MAX_IND_RANGE": 400,
    "DATA_LOADING": "end_to_end",
    "DATA_THREADS": 1,
    "CHECKPOINT": str(DATA / "golden/tiny_tb00.pt"),
}
PARENT = """
import os, sys
from pathlib import Path
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.plan import Plan
from pinbench.harness.launch.launcher import launch
from pinbench.harness.launch.leader import Watcher
launch(from_jsonable(Plan, read_json(Path(sys.argv[1]))), Path(sys.argv[2]), base_env=os.environ,
       watcher=Watcher(on_window_open=lambda pids: print(*pids, flush=True)))
"""


def make_plan(dataset: Path = DATA / "criteo/loader", batch_size: int = 100) -> Plan:
    cpu = min(os.sched_getaffinity(0))
    knobs = Knobs(
        batch_size=batch_size, warmup_steps=2, steps=None, min_duration_s=0.0, data_type=DataType.REAL,
        dataset_dir=str(dataset), own=TINY,
    )  # fmt: skip
    case = Case(
        workload="DLRM-PyTorch-Xeon-Public", name="dlrm", recipe="dlrm", function=Function.INFERENCE,
        mode=Mode.ACCURACY, isa=Isa.ANY, precision=Precision.FP32, variant=Variant.FULL, knobs=knobs,
    )  # fmt: skip
    instance = Instance(
        index=0, case=case, shard=0, shards=1, cpus=(cpu,), memory_nodes=(0,), weights=WeightSource.PRIVATE,
        store=None, weight_budget_bytes=1 << 28, env={"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    topology = Topology(
        cpus=(Cpu(id=cpu, core=cpu, socket=0, node=0, l3=0),),
        nodes=(Node(id=0, total_bytes=1 << 30, free_bytes=1 << 30),),
    )
    return Plan(case=case, topology=topology, instances=(instance,), deadline_s=300.0)


def long_plan(directory: Path) -> Plan:
    """Return a plan of so many small batches that its window lasts until somebody ends it."""
    rows = np.fromfile(DATA / "criteo/loader/terabyte_processed_test.bin", "<i4").reshape(-1, 40)
    directory.mkdir()
    np.resize(rows, (1_000_000, 40)).tofile(directory / "terabyte_processed_test.bin")
    counts = DATA / "criteo/loader/day_fea_count.npz"
    (directory / counts.name).write_bytes(counts.read_bytes())
    return make_plan(directory, batch_size=16)


def test_each_row_is_scored_once_and_the_block_has_one_key_kpi(tmp_path: Path) -> None:
    plan = make_plan()
    launched = launch(plan, tmp_path, base_env=os.environ)
    with np.load(DATA / "golden/tiny_infer.npz") as infer:
        auc = roc_auc_score(infer["label"].reshape(-1), infer["prob"].squeeze(1))
    (result,) = launched.results
    assert result.accuracy is not None
    assert result.flow is not None
    assert (result.accuracy.samples, len(result.step_ns), result.flow.rows) == (256, 3, 256)
    record = replace(make_record(*launched.results), plan=plan)
    record, block = conclude(record)
    assert record.failure is None
    lines = format_block(block).splitlines()
    assert [line for line in lines if line.startswith("*")] == [
        f"*Accuracy (%): {round(auc * 100, 4)} # 100 x ROC AUC, n=256"
    ]
    values = {kpi.name: kpi.value for kpi in parse_block(format_block(block)).kpis}
    assert (values["Samples"], values["Labelled Samples"], values["Data Passes"]) == (256, 256, 1.0)


def test_kill_9_in_the_window_fails_the_case_and_names_the_instance(tmp_path: Path) -> None:
    def kill(pids: list[int]) -> None:
        os.kill(pids[0], signal.SIGKILL)

    with pytest.raises(InstanceError, match=r"instance 0 .* was killed by signal 9 \(SIGKILL\)"):
        launch(long_plan(tmp_path / "set"), tmp_path, base_env=os.environ, watcher=Watcher(on_window_open=kill))
    assert not (tmp_path / "instance-000/result.json").exists()


def test_ctrl_c_in_the_window_leaves_no_process_and_no_result(tmp_path: Path) -> None:
    write_json(tmp_path / "plan.json", long_plan(tmp_path / "set"))
    argv = [sys.executable, "-c", PARENT, str(tmp_path / "plan.json"), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        (pid,) = process.stdout.readline().split()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert "KeyboardInterrupt: SIGINT" in stderr
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / "instance-000/result.json").exists()
