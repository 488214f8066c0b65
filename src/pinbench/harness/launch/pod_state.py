"""What a pod's status says of its way: waiting, running, ended, or never to run. Pure.

Source: the Kubernetes API reference, PodStatus and ContainerStatus; the reasons are those of the kubelet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

_NEVER = frozenset({
    "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "CreateContainerConfigError",
    "CreateContainerError", "RunContainerError",
})  # fmt: skip


class Stage(Enum):
    """Where a pod stands."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodState:
    """A pod at one moment.

    Args:
        words: why it waits or how it ended, for people.
        has_no_node: the scheduler finds none that takes it, by now.
        is_hopeless: it waits for what will not come by itself.
    """

    name: str
    stage: Stage
    words: str = ""
    has_no_node: bool = False
    is_hopeless: bool = False
    node: str = ""
    image_id: str = ""


def pod_state(pod: Mapping[str, Any]) -> PodState:
    """Return the state that `pod`, an object of the API, tells."""
    status = pod.get("status") or {}
    container: Mapping[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
    state = container.get("state") or {}
    name, node = str(pod["metadata"]["name"]), str((pod.get("spec") or {}).get("nodeName") or "")
    image_id = str(container.get("imageID") or "")
    if (ended := state.get("terminated")) is not None or status.get("phase") in ("Failed", "Succeeded"):
        words = _ending(status, ended or {})
        return PodState(name=name, stage=Stage.ENDED, words=words, node=node, image_id=image_id)
    if "running" in state:
        return PodState(name=name, stage=Stage.RUNNING, node=node, image_id=image_id)
    scheduled = _condition(status, "PodScheduled")
    waiting = state.get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    told = waiting if waiting else scheduled if scheduled.get("status") == "False" else status
    return PodState(
        name=name,
        stage=Stage.WAITING,
        words=_sentence(str(told.get("reason") or ""), str(told.get("message") or "")) or "no reason is told",
        has_no_node=scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable",
        is_hopeless=reason in _NEVER,
        node=node,
    )


def _ending(status: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    """Return how it ended: its own code, or what the node did to it (evicted, past its deadline)."""
    if status.get("reason"):
        return f"was ended by the cluster: {_sentence(str(status['reason']), str(status.get('message') or ''))}"
    memory = ", for want of memory (OOMKilled)" if ended.get("reason") == "OOMKilled" else ""
    return f"ended with code {ended.get('exitCode', 'unknown')}{memory}"


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = (condition for condition in status.get("conditions") or () if condition.get("type") == kind)
    return next(found, {})


def _sentence(reason: str, message: str) -> str:
    return ": ".join(" ".join(part.split()) for part in (reason, message) if part)
