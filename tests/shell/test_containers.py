"""BACKEND=docker as a user has it: cmake, ctest.sh, and what ctest.sh says of images and containers."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT, run_cmake, run_door

FAKE = ROOT / "tests" / "support" / "fake_docker.py"


class Build:
    """A build folder for containers, and the stand-in for docker that its cases run in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = folder / "engine"
        self.engine.mkdir()
        script = folder / "podman"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -E "{FAKE}" "$@"\n')
        script.chmod(0o755)
        options = ["-DBACKEND=docker", "-DBENCHMARK=dummy", f"-DCONTAINER_ENGINE={script}", "-DRELEASE=V1"]
        ran = run_cmake(ROOT, folder / "build", *options, "-DREGISTRY=r.example.org", "-DDOCKER_OPTIONS=--label='a b'")
        assert ran.returncode == 0, ran.stderr
        self.image = "r.example.org/dummy:v1"
        (self.engine / "images").write_text(self.image)

    def ctest(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_door(*self.command(*words), FAKE_DOCKER=str(self.engine))

    def start_ctest(self, *words: str) -> subprocess.Popen[str]:
        ours = {"PINBENCH_PYTHON": sys.executable, "FAKE_DOCKER": str(self.engine)}
        return subprocess.Popen(self.command(*words), env={**os.environ, **ours}, stdout=subprocess.PIPE, text=True)

    def command(self, *words: str) -> list[str]:
        apart = ["unshare", "--net"]  # other runs of this machine hold its cores
        can = shutil.which("unshare") and subprocess.run([*apart, "true"], check=False).returncode == 0
        return [*(apart if can else []), str(self.folder / "build" / "ctest.sh"), *words]

    def calls(self, *begin: str) -> list[list[str]]:
        calls = map(json.loads, (self.engine / "argv").read_text().splitlines())
        return [call for call in calls if tuple(call[: len(begin)]) == begin]


@pytest.fixture
def build(tmp_path):
    return Build(tmp_path)


def test_a_case_runs_in_its_image_and_says_so(build):
    ran = build.ctest("--testcase", "test_dummy_throughput_gated", "--set", "STEPS=20", "-V")
    assert ran.returncode == 0, ran.stdout
    for field in ("CONTAINER_ENGINE: podman 99.1", f"IMAGE: {build.image}", f"IMAGE_ID: sha256:{'a' * 64}"):
        assert f"##{field}\n" in ran.stdout
    assert ran.stdout.count("*Throughput (samples/sec): ") == 1
    logs = build.folder / "build/workload/dummy/logs-dummy_throughput_gated"
    assert json.loads((logs / "itr-1/record.json").read_text())["container"]["image"] == build.image
    configuration = (logs / "workload-config.yaml").read_text()
    assert f"docker_image: {build.image}\n" in configuration
    assert "docker_options: --label='a b'\n" in configuration
    (command,) = build.calls("run")
    assert command[command.index(build.image) - 1] == "--label=a b"
    assert build.calls("rm")
    shown = run_door(logs / "kpi.sh")
    assert shown.returncode == 0
    assert f"##IMAGE: {build.image}\n" in shown.stdout


def test_who_kills_ctest_alone_gets_a_record_and_no_container(build):
    logs = build.folder / "build/workload/dummy/logs-dummy_throughput_gated/itr-1"
    words = ["--testcase", "test_dummy_throughput_gated", "--set", "STEP_MS=50", "--set", "STEPS=1000", "-V"]
    with build.start_ctest(*words) as ctest:
        assert any("container: Testcase" in line for line in ctest.stdout)  # more lines are to come
        ctest.kill()  # and with it the other end of the run's stdout
    give_up = time.monotonic() + 60
    while not (logs / "worker-0-c0/status").exists() and time.monotonic() < give_up:
        time.sleep(0.1)
    assert (logs / "worker-0-c0/status").read_text() == "1\n"
    assert json.loads((logs / "record.json").read_text())["failure"] == "interrupted SIGTERM"
    assert list((build.engine / "containers").iterdir()) == []


def test_a_dry_run_shows_the_command_and_asks_no_engine(build):
    ran = build.ctest("--testcase", "test_dummy_throughput_gated", "--dry-run", "-V")
    assert ran.returncode == 0, ran.stdout
    assert "Container: " in ran.stdout
    assert "--cap-drop=ALL" in ran.stdout
    assert not (build.engine / "argv").exists()


def test_images_are_looked_for_here_and_in_the_registry(build):
    here = build.ctest("--check-docker-image")
    assert (here.returncode, here.stdout) == (
        0, f"{build.image}: here, registry.example.org/{build.image}@sha256:{'b' * 64}\n",
    )  # fmt: skip
    (build.engine / "images").write_text("")
    missing = build.ctest("--check-docker-image", "-R", "latency")
    assert (missing.returncode, missing.stdout) == (1, f"{build.image}: missing; build it with build.sh\n")
    (build.engine / "mode").write_text("registry")
    there = build.ctest("--check-docker-image")
    assert (there.returncode, there.stdout) == (0, f"{build.image}: in the registry\n")
    assert build.calls("pull") == []


def test_images_are_pushed_to_the_registry_that_is_named(build):
    assert build.ctest("--push-docker-image").stdout == f"{build.image}: pushed\n"
    ran = build.ctest("--push-docker-image=other.example.org:5000/")
    assert ran.stdout == "other.example.org:5000/dummy:v1: pushed\n"
    assert build.calls("tag") == [["tag", build.image, "other.example.org:5000/dummy:v1"]]
    assert build.calls("push") == [["push", build.image], ["push", "other.example.org:5000/dummy:v1"]]


def test_containers_are_listed_and_stopped_by_their_case(build):
    (build.engine / "mode").write_text("dead")
    for name in ("pinbench-dummy_latency-1-1", "pinbench-dlrm-1-2"):
        run_door(build.folder / "podman", "run", f"--name={name}", build.image, FAKE_DOCKER=str(build.engine))
    said = build.ctest("--status=3").stdout
    assert said.splitlines()[0].startswith("pinbench-dlrm-1-2  ")
    assert "==> pinbench-dummy_latency-1-1 <==\nkilled\n" in said
    assert build.ctest("--stop=dummy").stdout == "pinbench-dummy_latency-1-1: stopped and removed\n"
    assert build.ctest("--stop=dummy").stdout == "no case dummy... runs in a container\n"
    assert build.ctest("--stop").stdout == "pinbench-dlrm-1-2: stopped and removed\n"
    assert build.ctest("--status").stdout == "no case runs in a container\n"


def test_values_that_make_no_sense_are_refused(build):
    assert "--status=many is no number of lines" in build.ctest("--status=many").stderr
    assert "selects no case" in build.ctest("--check-docker-image", "-R", "dlrm").stderr


def test_a_backend_that_is_not_there_is_refused(tmp_path):
    ran = run_cmake(ROOT, tmp_path / "build", "-DBACKEND=terraform")
    assert ran.returncode != 0
    assert "BACKEND=terraform is not known; there are: native;docker;kubernetes" in ran.stderr


def test_a_dry_run_for_a_cluster_prints_what_would_be_made_and_asks_nobody(tmp_path):
    options = ["-DBACKEND=kubernetes", "-DBENCHMARK=dummy", "-DKUBERNETES_OPTIONS=--cpus=2 --memory=1Gi"]
    ran = run_cmake(ROOT, tmp_path / "build", *options, "-DREGISTRY=r.example.org")
    assert ran.returncode == 0, ran.stderr
    ran = run_door(tmp_path / "build/ctest.sh", "--testcase", "test_dummy_throughput_gated", "--dry-run", "-V")
    assert ran.returncode == 0, ran.stdout
    lines = [line.split(":", 1)[-1].strip() for line in ran.stdout.splitlines()]
    assert "kind: Job" in lines
    assert "r.example.org/dummy:latest" in ran.stdout
