"""BACKEND=kubernetes with a stand-in for the API server, behind which the real entry runs the dummy recipe."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fake_cluster import IMAGE_ID, FakeCluster

from pinbench.base.errors import ExitCode
from pinbench.contract.result import Status
from pinbench.harness.backend import kubernetes
from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.override import customise
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.launch.pod_options import read_pod_options
from pinbench.harness.launch.pod_session import PodLimits

QUICK = PodLimits(node_s=0.3, start_s=30.0, run_s=120.0, obey_s=5.0, lost_s=0.3, gone_s=10.0, poll_s=0.05)


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    with FakeCluster(folder, sys.executable) as cluster:
        yield cluster


@pytest.fixture
def iteration(tmp_path):
    path = tmp_path / "itr-1"
    (path / "worker-0-c0").mkdir(parents=True)
    return path


def make_case(*settings):
    workload = load_workload(WORKLOAD_ROOT / "dummy")
    case = find_case(workload, "dummy_throughput_gated")
    return customise(workload, case, environment={}, assignments=settings, directory=Path("/"))


def run(cluster, iteration, *settings, say=lambda line: None, limits=QUICK):
    orders = kubernetes.Orders(
        image="registry.example.org/dummy:latest",
        platform=load_platforms().resolve("X86_64" if os.uname().machine == "x86_64" else "AARCH64"),
        options=read_pod_options(f"--cpus=2 --memory=1Gi --kubeconfig={cluster.kubeconfig()}"),
        limits=limits,
    )
    return kubernetes.run(make_case("CORES_PER_INSTANCE=1", "INSTANCE_NUMBER=1", *settings), iteration, orders, say=say)


def deletions(cluster):
    return [path for method, path in cluster.asked if method == "DELETE"]


def test_a_case_runs_in_a_pod_and_its_record_and_logs_come_out(cluster, iteration):
    said = []
    outcome = run(cluster, iteration, "STEPS=20", say=said.append)
    assert (outcome.status, outcome.failure, outcome.exit_code) == (Status.PASSED, None, ExitCode.PASSED)
    assert len(outcome.results[0].step_ns) >= 20
    assert outcome.inside.plan.case.knobs.steps == 20
    facts = outcome.container
    assert (facts.engine, facts.image) == ("kubernetes v1.99.1", "registry.example.org/dummy:latest")
    assert (facts.digest, facts.image_id) == (IMAGE_ID, "sha256:" + "b" * 64)
    assert "the pod waits: ContainerCreating" in said
    assert "pod case-x7x7x is running on node node-a" in said
    assert any(line.startswith("container: ") and line.endswith("instance 0: measurement") for line in said)
    assert not any("#Key KPI" in line for line in said)
    assert sorted(path.name for path in iteration.iterdir()) == ["worker-0-c0"]
    worker = iteration / "worker-0-c0"
    assert sorted(path.name for path in worker.iterdir()) == ["container", "container.log", "instance-000"]
    assert (worker / "container/status").read_text() == "0\n"
    assert "*Throughput (samples/sec): " in (worker / "container.log").read_text()
    namespace = cluster.made_of("Namespace")["metadata"]["name"]
    assert cluster.namespaces == set()
    assert set(deletions(cluster)) == {f"/api/v1/namespaces/{namespace}"}
    args = cluster.made_of("Job")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args[:2] == ["--case", "dummy_throughput_gated"]
    assert "STEPS=20" in args


def test_the_exit_code_and_reason_are_those_of_the_run_inside(cluster, iteration):
    outcome = run(cluster, iteration, "RETURN_VALUE=77")
    assert (outcome.status, int(outcome.exit_code)) == (Status.SKIPPED, 77)
    assert outcome.failure == outcome.inside.failure
    assert cluster.namespaces == set()


def test_a_connection_that_breaks_is_made_again(cluster, iteration):
    cluster.mode = "dropped"
    assert run(cluster, iteration, "STEPS=20").status is Status.PASSED
    assert cluster.readers == 2


def test_an_archive_that_is_always_torn_is_not_taken_for_a_run(cluster, iteration):
    cluster.mode = "torn"
    outcome = run(cluster, iteration, "STEPS=20")
    assert outcome.failure == "the archive of pod case-x7x7x is torn, 5 times"
    assert (outcome.status, cluster.readers, cluster.namespaces) == (Status.FAILED, 5, set())


def test_a_pod_that_dies_is_told_with_its_code_and_its_words_are_kept(cluster, iteration):
    cluster.mode = "dead"
    outcome = run(cluster, iteration)
    log = iteration / "worker-0-c0/container.log"
    assert outcome.failure == (f"pod case-x7x7x ended with code 137, for want of memory (OOMKilled); its words: {log}")
    assert log.read_text() == "killed\n"
    assert cluster.namespaces == set()


def test_a_pod_that_its_node_drives_out_is_told_so(cluster, iteration):
    cluster.mode = "evicted"
    outcome = run(cluster, iteration, "STEP_MS=50", "STEPS=1000")
    assert "was ended by the cluster: Evicted: The node was low on resource: memory." in outcome.failure
    assert cluster.namespaces == set()


@pytest.mark.parametrize(("mode", "words"), [
    ("unschedulable", "no node takes the pod within 0.3 s: Unschedulable: 0/3 nodes are free: 3 Insufficient cpu."),
    ("no-image", 'the pod cannot start on node node-a: ImagePullBackOff: Back-off pulling image "dummy:latest"'),
])  # fmt: skip
def test_a_pod_that_cannot_start_is_given_up_with_the_clusters_words(cluster, iteration, mode, words):
    cluster.mode = mode
    outcome = run(cluster, iteration)
    assert (outcome.failure, outcome.exit_code) == (words, ExitCode.FAILED)
    assert cluster.namespaces == set()
    assert deletions(cluster)


def test_a_job_without_a_pod_is_given_up_with_what_the_cluster_warns_of(cluster, iteration):
    cluster.mode = "no-pod"
    cluster.events = [
        {"type": "Normal", "reason": "Scheduled", "message": "fine"},
        {"type": "Warning", "reason": "FailedCreate", "message": "violates PodSecurity"},
    ]
    outcome = run(cluster, iteration, limits=replace(QUICK, start_s=0.3))
    assert outcome.failure == (
        "the pod did not start within 0.3 s: the Job has made no pod; FailedCreate: violates PodSecurity"
    )


def test_a_pod_past_its_time_is_removed_and_what_it_has_is_kept(cluster, iteration):
    cluster.mode = "stuck"
    outcome = run(cluster, iteration, limits=replace(QUICK, run_s=0.5, obey_s=0.3))
    assert outcome.failure == "the pod did not end within 0.5 s, more than its own deadline"
    assert (iteration / "worker-0-c0/container/logs/logs-x/half").read_text() == "half\n"
    assert (iteration / "worker-0-c0/container/benchmark.log").read_text() == "measuring\n"
    assert cluster.namespaces == set()


def test_an_interrupted_run_leaves_no_namespace_and_keeps_its_logs(cluster, iteration):
    sent = []

    def say(line):
        if "measurement" in line and not sent:
            sent.append(line)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        run(cluster, iteration, "STEP_MS=50", "STEPS=1000", say=say, limits=replace(QUICK, obey_s=20.0))
    inside = json.loads((iteration / "worker-0-c0/container/itr-1/record.json").read_text())
    assert inside["failure"] == "interrupted SIGTERM"  # which is what the pod is sent
    assert cluster.namespaces == set()


def test_an_interrupt_while_the_pod_waits_leaves_no_namespace(cluster, iteration):
    cluster.mode = "unschedulable"

    def say(line):
        if line.startswith("the pod waits"):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        run(cluster, iteration, say=say, limits=replace(QUICK, node_s=60.0))
    assert cluster.namespaces == set()


def test_a_cluster_that_is_not_there_is_told_before_anything_is_made(cluster, iteration):
    cluster.is_gone = True
    outcome = run(cluster, iteration)
    assert "the cluster at http://127.0.0.1:" in outcome.failure
    assert " does not answer: " in outcome.failure
    assert cluster.made == []


def test_a_cluster_that_goes_away_is_told_with_what_may_be_left_in_it(cluster, iteration):
    def say(line):
        cluster.is_gone = cluster.is_gone or "measurement" in line

    outcome = run(cluster, iteration, "STEP_MS=50", "STEPS=1000", say=say)
    namespace = cluster.made_of("Namespace")["metadata"]["name"]
    assert " does not answer: " in outcome.failure
    assert f"namespace {namespace} is left: " in outcome.failure
    assert outcome.failure.endswith(f"remove it: kubectl delete namespace {namespace}")


def test_a_refusal_is_told_in_the_clusters_words_and_nothing_is_deleted(cluster, iteration):
    cluster.mode = "forbidden"
    outcome = run(cluster, iteration)
    assert outcome.failure.endswith('refuses: namespaces is forbidden: User "me" cannot create resource "namespaces"')
    assert deletions(cluster) == []


def test_no_configuration_of_a_cluster_is_bad_usage(cluster, iteration, tmp_path, monkeypatch):
    monkeypatch.setattr(FakeCluster, "kubeconfig", lambda self: tmp_path / "nothing")
    outcome = run(cluster, iteration)
    assert outcome.exit_code is ExitCode.BAD_USAGE
    assert outcome.failure.startswith(f"no cluster is configured by --kubeconfig={tmp_path / 'nothing'}: ")
