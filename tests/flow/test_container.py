"""BACKEND=docker with a stand-in for the engine, in which the real entry runs the dummy recipe."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pinbench.base.errors import ExitCode
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.contract.plan import Instance, Plan, WeightSource
from pinbench.contract.result import Status
from pinbench.harness.backend import docker
from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.override import customise
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.kpi.judge import conclude

FAKE = Path(__file__).parents[1] / "support" / "fake_docker.py"
ORDERS = docker.Orders(image="dummy:latest", platform="", grace_s=120.0)
CPUS = (9000, 9001)  # no real ones: other runs of this machine have those


class Engine:
    """What the stand-in keeps of its calls, and its switch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fail_by(self, mode: str) -> None:
        (self.folder / "mode").write_text(mode)

    def calls(self, *begin: str) -> list[list[str]]:
        path = self.folder / "argv"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call for call in map(json.loads, lines) if tuple(call[: len(begin)]) == begin]

    def containers(self) -> list[str]:
        return [path.name for path in (self.folder / "containers").glob("*")]


def install(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -E "{FAKE}" "$@"\n')
    script.chmod(0o755)


@pytest.fixture
def engine(tmp_path, monkeypatch):
    install(tmp_path / "bin", "docker")
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "images").write_text("dummy:latest")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_DOCKER", str(folder))
    monkeypatch.setenv("PINBENCH_PYTHON", sys.executable)
    return Engine(folder)


@pytest.fixture
def iteration(tmp_path):
    path = tmp_path / "itr-1"
    (path / "worker-0-c0").mkdir(parents=True)
    return path


def make_plan(*settings: str, deadline_s: float | None = None) -> Plan:
    workload = load_workload(WORKLOAD_ROOT / "dummy")
    case = find_case(workload, "dummy_throughput_gated")
    case = customise(workload, case, environment={}, assignments=settings, directory=Path("/"))
    topology = Topology(
        cpus=tuple(Cpu(id=cpu, core=cpu, socket=0, node=0, l3=0) for cpu in CPUS),
        nodes=(Node(id=0, total_bytes=1 << 30, free_bytes=1 << 30),),
    )
    instance = Instance(
        index=0, case=case, shard=0, shards=1, cpus=CPUS, memory_nodes=(0,), weights=WeightSource.PRIVATE, store=None,
        weight_budget_bytes=100 << 20, env={},
    )  # fmt: skip
    return Plan(case=case, topology=topology, instances=(instance,), deadline_s=deadline_s or case.knobs.deadline_s)


def run(plan, iteration, orders=ORDERS, say=lambda line: None):
    return docker.run(plan, iteration, orders, base_env=os.environ, say=say)


def test_a_case_runs_in_a_container_and_its_record_and_logs_come_out(engine, iteration):
    said = []
    outcome = run(make_plan("STEPS=20"), iteration, say=said.append)
    assert (outcome.status, outcome.failure, outcome.exit_code) == (Status.PASSED, None, ExitCode.PASSED)
    assert len(outcome.results[0].step_ns) >= 20
    assert outcome.inside is not None
    assert outcome.inside.plan.case.knobs.steps == 20
    assert outcome.container.engine == "docker 99.1"
    assert outcome.container.image_id == "sha256:" + "a" * 64
    assert outcome.container.digest == "registry.example.org/dummy:latest@sha256:" + "b" * 64
    assert any(line.startswith("container: ") and line.endswith("instance 0: measurement") for line in said)
    assert not any("#Key KPI" in line for line in said)
    assert sorted(path.name for path in iteration.iterdir()) == ["worker-0-c0"]
    worker = iteration / "worker-0-c0"
    assert sorted(path.name for path in worker.iterdir()) == ["container", "container.log", "instance-000"]
    assert (worker / "instance-000/result.json").is_file()
    assert (worker / "container/status").read_text() == "0\n"
    assert "*Throughput (samples/sec): " in (worker / "container.log").read_text()
    assert engine.containers() == []


def test_the_container_gets_the_cpus_and_the_case_of_the_plan_and_no_rights(engine, iteration):
    engine.fail_by("refuse")
    outcome = run(make_plan("STEPS=20"), iteration, replace(ORDERS, options=("--cap-add=SYS_NICE",)))
    assert outcome.failure == (
        "docker run: Error: OCI runtime error: the requested cgroup controller `cpuset` is not available"
    )
    (command,) = engine.calls("run")
    assert {"--cpuset-cpus=9000-9001", "--cpuset-mems=0", "--read-only", "--cap-drop=ALL"} <= set(command)
    assert f"--shm-size={64 + 100}m" in command
    image = command.index("dummy:latest")
    assert command[image - 1] == "--cap-add=SYS_NICE"
    assert command[image + 1 :] == [
        "--case", "dummy_throughput_gated", "--platform", "", "--time-limit", "60", "--reserved", "--set", "STEPS=20",
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "status", "code"), [(77, Status.SKIPPED, 77), (3, Status.FAILED, 1)])
def test_the_exit_code_is_the_one_of_the_run_inside(engine, iteration, value, status, code):
    outcome = run(make_plan(f"RETURN_VALUE={value}"), iteration)
    assert (outcome.status, int(outcome.exit_code)) == (status, code)
    assert outcome.inside.status is status
    assert outcome.failure == outcome.inside.failure


def test_what_the_container_refuses_is_the_reason(engine, iteration):
    outcome = run(make_plan(), iteration, replace(ORDERS, variables={"BATCHSIZE": "4"}))
    assert outcome.status is Status.FAILED
    assert outcome.exit_code is ExitCode.BAD_USAGE
    assert outcome.failure.startswith("BATCHSIZE=4 is no parameter of dummy; did you mean BATCH_SIZE?")
    assert outcome.inside is None


def test_a_container_that_dies_is_told_with_its_code(engine, iteration):
    engine.fail_by("dead")
    outcome = run(make_plan(), iteration)
    assert outcome.exit_code is ExitCode.FAILED
    assert outcome.failure.startswith("the container ended with code 137; its words: ")
    assert (iteration / "worker-0-c0/container.log").read_text() == "killed\n"
    assert engine.containers() == []


def test_a_container_past_its_time_is_removed_and_what_it_has_is_kept(engine, iteration):
    engine.fail_by("stuck")
    outcome = run(make_plan(deadline_s=0.5), iteration, replace(ORDERS, grace_s=0.5, obey_s=0.5))
    assert outcome.failure == "the container did not end within 1 s, more than its own deadline"
    assert (iteration / "worker-0-c0/container/logs/logs-x/half").read_text() == "half\n"
    assert (iteration / "worker-0-c0/container/benchmark.log").read_text() == "measuring\n"
    assert engine.calls("kill")
    assert engine.containers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_container_and_keeps_its_logs(engine, iteration, number):
    sent = []

    def say(line: str) -> None:
        if "measurement" in line and not sent:
            sent.append(line)
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt, match=number.name):
        run(make_plan("STEP_MS=50", "STEPS=1000"), iteration, say=say)
    inside = json.loads((iteration / "worker-0-c0/container/itr-1/record.json").read_text())
    assert inside["failure"] == "interrupted SIGTERM"  # which is what the engine sends
    assert (iteration / "worker-0-c0/instance-000/instance.json").is_file()
    assert engine.containers() == []


def test_a_torn_archive_is_not_taken_for_a_run(engine, iteration):
    engine.fail_by("torn")
    outcome = run(make_plan("STEPS=20"), iteration)
    assert outcome.exit_code is ExitCode.FAILED
    assert outcome.failure.endswith(" is torn")
    torn = replace(outcome.inside, status=outcome.status, failure=outcome.failure)
    assert conclude(torn)[1].kpis == ()


def test_an_image_that_is_not_here_is_fetched_from_the_registry_or_refused(engine, iteration):
    (engine.folder / "images").write_text("")
    outcome = run(make_plan(), iteration)
    assert outcome.failure == (
        "docker 99.1 has no image dummy:latest; build it with build.sh, or name a REGISTRY to cmake"
    )
    assert engine.calls("run") == []
    engine.fail_by("no-pull")
    elsewhere = replace(ORDERS, image="r.example.org/dummy:latest", registry="r.example.org/")
    assert "manifest unknown" in run(make_plan(), iteration, elsewhere).failure
    engine.fail_by("refuse")
    run(make_plan(), iteration, elsewhere)
    assert engine.calls("pull") == [["pull", "r.example.org/dummy:latest"]] * 2
    assert len(engine.calls("run")) == 1


def test_an_image_of_another_release_that_measures_something_else_is_refused(engine, iteration, monkeypatch):
    monkeypatch.setattr(docker, "container_words", lambda case, platform: ("--case", case.name, "--reserved"))
    outcome = run(make_plan("STEPS=20"), iteration)
    assert outcome.exit_code is ExitCode.FAILED
    assert "the image measured something else than this checkout asked for: STEPS=50 for 20" in outcome.failure
