"""A training on several ranks through the command that users run: on one host, and on two that a cable joins."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import two_hosts

ROOT = Path(__file__).parents[2]
STEPS = 50
SETTINGS = {
    "DATASET_DIR": ROOT / "tests/data/golden/training", "MAX_IND_RANGE": 400, "BATCH_SIZE": 64, "STEPS": STEPS,
    "TEST_FREQ": 1, "TEST_STEPS": 1, "TEST_BATCH_SIZE": 128, "TARGET_AUC": 1, "CORES_PER_INSTANCE": 1,
    "WARMUP_STEPS": 1,
}  # fmt: skip
RUN = [
    "run", "--workload", str(ROOT / "workload/DLRM-PyTorch-Xeon-Public"),
    "--case", "dlrm_pytorch_xeon_public_training_accuracy_avx_fp32_gated",
]  # fmt: skip
# As doc/how-to/distributed-training.md has it, but for the address and the name of this host.
TORCHRUN = [
    sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--node-rank={host}", "--nproc-per-node=1",
    "--master-addr={address}", "--master-port=29500", "--no-python",
]  # fmt: skip
LIMIT_S = 400

needs_two_cpus = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two ranks on a core each need two CPUs")


def command(logs, **changes):
    words = [word for name, value in (SETTINGS | changes).items() for word in ("--set", f"{name}={value}")]
    return [str(ROOT / "script/pinbench"), *RUN, "--logs-root", str(logs), *words]


def finished(argv, **more):
    env = os.environ | {"PINBENCH_PYTHON": sys.executable, "PYTHONWARNINGS": "default"}
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False, **more)


def trained(argv):
    done = finished(argv)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def training(logs, instance=0):
    (path,) = logs.glob(f"logs-*/itr-1/worker-*/instance-{instance:03d}/result.json")
    return json.loads(path.read_text())["training"]


def engines(logs):
    found = [json.loads(path.read_text())["engine"] for path in logs.glob("logs-*/itr-1/worker-*/*/result.json")]
    return [(engine["name"], engine["fallback"]) for engine in found]


def losses(found):
    return [evaluation["train_loss"] for evaluation in found["evaluations"]]


def kpi(output, name):
    lines = [line.split(": ")[1] for line in output.splitlines() if line.startswith((f"{name} (", f"{name}:"))]
    return [float(line.split()[0]) for line in lines]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    logs = tmp_path_factory.mktemp("alone")
    trained(command(logs))
    return training(logs)


@pytest.fixture(scope="module")
def can_have_two_hosts():
    if reason := two_hosts.why_not():
        pytest.skip(f"two hosts are namespaces here, which is not permitted: {reason}")


@needs_two_cpus
def test_two_ranks_of_one_host_have_the_losses_of_one_process_and_count_each_row_once(alone, tmp_path):
    logs, checkpoints = tmp_path / "logs", tmp_path / "checkpoints"
    output = trained(command(logs, DISTRIBUTED=True, INSTANCE_NUMBER=2, CHECKPOINT_DIR=checkpoints, STEPS=20))
    found = [training(logs, rank) for rank in range(2)]
    for rank in found:
        assert losses(rank) == pytest.approx(losses(alone)[:20], abs=1e-5)
    assert [rank["samples"] for rank in found] == [20 * 32, 20 * 32]
    (samples,) = kpi(output, "Samples")
    assert 19 * 64 <= samples <= 20 * 64  # of the window in which both ranks measured, which lacks a last half step
    assert kpi(output, "Ranks") == [2]
    assert engines(logs) == [("pinned", None)] * 2  # the kernels of one process
    assert kpi(output, "Throughput of All Hosts") == []
    # One process goes on with the checkpoint of two, and two with that of one.
    resumed = {"CHECKPOINT_DIR": checkpoints, "RESUME": True}
    trained(command(tmp_path / "one", STEPS=30, **resumed))
    trained(command(tmp_path / "two", STEPS=STEPS, DISTRIBUTED=True, INSTANCE_NUMBER=2, **resumed))
    last = training(tmp_path / "two")
    assert last["resumed_step"] == 30
    assert losses(last) == pytest.approx(losses(alone), abs=1e-5)


@pytest.mark.usefixtures("can_have_two_hosts")
def test_two_hosts_have_the_losses_of_one_process(alone, tmp_path):
    argv = [*TORCHRUN, *command(tmp_path / "{name}", DISTRIBUTED=True)]
    output = trained([*two_hosts.ENTER, sys.executable, two_hosts.__file__, *argv])
    for name in two_hosts.NAMES:
        found = training(tmp_path / name)
        assert losses(found) == pytest.approx(losses(alone), abs=1e-5)
        assert found["samples"] == STEPS * 32
    assert kpi(output, "Ranks") == [2, 2]
    assert len(kpi(output, "Throughput of All Hosts")) == 2


@pytest.mark.usefixtures("can_have_two_hosts")
def test_a_rank_that_is_killed_on_one_host_is_named_on_the_other(tmp_path):
    argv = [*TORCHRUN, *command(tmp_path / "{name}", DISTRIBUTED=True, EPOCHS=1000, STEPS=50_000)]
    env = os.environ | {"PINBENCH_PYTHON": sys.executable}
    with subprocess.Popen(
        [*two_hosts.ENTER, sys.executable, two_hosts.__file__, *argv], env=env, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as running:  # fmt: skip
        killed = await_worker(tmp_path / two_hosts.NAMES[1])
        os.kill(killed, signal.SIGKILL)
        begin = time.monotonic()
        output = running.communicate(timeout=LIMIT_S)[0]
    assert running.returncode != 0
    assert time.monotonic() - begin < 60
    assert "rank 1 (host-b) has ended or lost the connection: no sign of life" in output
    assert "was killed by signal 9 (SIGKILL)" in output


def await_worker(logs):
    """Return the process of the instance of `logs`, once a step has been evaluated."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        steps = [path for path in logs.parent.glob("host-a/logs-*/itr-1/worker-*/instance-000/stderr.log")
                 if "training: step 3 " in path.read_text()]  # fmt: skip
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if steps and b"pinbench.worker.main" in words and any(word.startswith(bytes(logs)) for word in words):
                return int(process.name)
        time.sleep(0.2)
    raise TimeoutError("no step was made")


def test_an_engine_of_one_process_that_is_asked_for_is_refused(tmp_path):
    done = finished(command(tmp_path, DISTRIBUTED=True, INSTANCE_NUMBER=1, ENGINE="inductor"))
    assert done.returncode == 2
    assert "ENGINE=inductor does not train on several ranks; set ENGINE to one of: eager, pinned" in done.stdout
