import pytest

from pinbench.harness.launch.pod_state import Stage, pod_state


def pod(**status):
    return {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": status}


def container(**state):
    return [{"imageID": "sha256:1", "state": state}]


@pytest.mark.parametrize(("status", "stage", "words"), [
    ({}, Stage.WAITING, "no reason is told"),
    ({"phase": "Pending", "containerStatuses": container(waiting={"reason": "ContainerCreating"})}, Stage.WAITING,
     "ContainerCreating"),
    ({"phase": "Running", "containerStatuses": container(running={"startedAt": "x"})}, Stage.RUNNING, ""),
    ({"phase": "Succeeded", "containerStatuses": container(terminated={"exitCode": 0, "reason": "Completed"})},
     Stage.ENDED, "ended with code 0"),
    ({"phase": "Running", "containerStatuses": container(terminated={"exitCode": 137, "reason": "OOMKilled"})},
     Stage.ENDED, "ended with code 137, for want of memory (OOMKilled)"),
    ({"phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active\n too long"}, Stage.ENDED,
     "was ended by the cluster: DeadlineExceeded: Pod was active too long"),
    ({"phase": "Failed"}, Stage.ENDED, "ended with code unknown"),
])  # fmt: skip
def test_a_status_tells_where_the_pod_stands_and_why(status, stage, words):
    state = pod_state(pod(**status))
    assert (state.stage, state.words, state.has_no_node, state.is_hopeless) == (stage, words, False, False)


def test_only_the_schedulers_refusal_means_that_no_node_takes_it():
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    state = pod_state(pod(phase="Pending", conditions=[condition]))
    assert (state.has_no_node, state.words) == (True, "Unschedulable: 0/3 nodes")
    gated = pod_state(pod(phase="Pending", conditions=[{**condition, "reason": "SchedulingGated"}]))
    assert not gated.has_no_node


@pytest.mark.parametrize(("reason", "is_hopeless"), [
    ("ErrImagePull", False), ("ImagePullBackOff", True), ("InvalidImageName", True), ("PodInitializing", False),
    ("CreateContainerConfigError", True),
])  # fmt: skip
def test_a_first_failure_to_fetch_an_image_may_pass_but_what_the_kubelet_backs_off_from_does_not(reason, is_hopeless):
    assert pod_state(pod(containerStatuses=container(waiting={"reason": reason}))).is_hopeless is is_hopeless
