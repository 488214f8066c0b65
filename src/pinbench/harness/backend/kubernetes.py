"""A case in a pod of a Kubernetes cluster, whose scheduler finds the node; nothing of this host is measured.

The pod makes its plan on its node by its own means; this side asks for the pod, follows it, takes over what it
recorded, and leaves nothing behind.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import ExitCode, PinbenchError, UsageError
from pinbench.contract.case import Case
from pinbench.contract.result import ContainerFacts, Record
from pinbench.harness.backend._inside import (
    container_words,
    folders_in,
    outcome,
    take_over,
    verdict,
    without_block,
)
from pinbench.harness.backend._outcome import Outcome
from pinbench.harness.backend.docker import GRACE_S
from pinbench.harness.case.platforms import Platform
from pinbench.harness.launch.cluster import Cluster
from pinbench.harness.launch.interrupts import Interrupts
from pinbench.harness.launch.pod_manifest import Pod, manifest_text, manifests
from pinbench.harness.launch.pod_options import PodOptions
from pinbench.harness.launch.pod_session import PodLimits, PodSession
from pinbench.harness.launch.pod_state import PodState

BACKEND = "kubernetes"  # what cmake calls it
_OVERTIME_S = 600.0  # until the cluster ends a pod whose caller has died


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the build and the command line say of pods."""

    image: str  # with registry and tag
    platform: Platform
    options: PodOptions
    limits: PodLimits


def limits_for(case: Case, options: PodOptions, pull_limit_s: float) -> PodLimits:
    """Return how long a run of `case` may take, with `pull_limit_s` for finding a node and fetching the image."""
    return PodLimits(
        node_s=options.node_wait_s,
        start_s=options.node_wait_s + pull_limit_s,
        run_s=case.knobs.deadline_s + GRACE_S,
    )


def require_room(case: Case, options: PodOptions) -> None:
    """Check that the instances that `case` wants fit the CPUs of the pod.

    Raises:
        UsageError: they do not.
    """
    cores, instances = case.knobs.cores_per_instance or 1, case.knobs.instances or 1
    if cores * instances > options.cpus:
        raise UsageError(
            f"{instances} instances of {cores} cores do not fit --cpus={options.cpus} of KUBERNETES_OPTIONS: ask for "
            "more CPUs, or set INSTANCE_NUMBER or CORES_PER_INSTANCE lower"
        )


def make_pod(case: Case, orders: Orders) -> Pod:
    """Return the pod for `case`, in a namespace of a name that no other run has."""
    limits, platform = orders.limits, orders.platform
    return Pod(
        namespace=f"pinbench-{secrets.token_hex(6)}",
        case=case.name,
        image=orders.image,
        words=container_words(case, platform.spelling),
        options=orders.options,
        limit_s=limits.start_s + limits.run_s + _OVERTIME_S,
        architecture=platform.architecture,
        features=tuple(tuple(entry.split("|")) for entry in platform.needs.get(case.label, ())),
        models=tuple(
            (signature.family, tuple(model for models in signature.models for model in models))
            for signature in platform.identified_by
            if signature.family is not None  # Arm's part numbers are not what node-feature-discovery calls model
        ),
    )


def dry_text(case: Case, orders: Orders) -> str:
    """Return the YAML of what `run` would create.

    Raises:
        LaunchError: the client is not installed.
    """
    return manifest_text(manifests(make_pod(case, orders)))


def run(case: Case, iteration: Path, orders: Orders, *, say: Callable[[str], None]) -> Outcome:
    """Run `case` in a pod and return what came of it.

    Args:
        case: what the pod measures.
        iteration: the folder of this iteration; gets ``instance-NNN`` and what else came out.
        orders: which image, on which nodes, with how much of them.
        say: is given a line for the log whenever the pod changes its state, or something is said in it.

    Raises:
        KeyboardInterrupt: a signal asked for the end; the namespace is gone.
    """
    begin_ns = time.monotonic_ns()
    container, inside = None, None
    failure, exit_code = None, ExitCode.PASSED
    try:
        try:
            with Cluster(kubeconfig=orders.options.kubeconfig, context=orders.options.context) as cluster:
                title = f"kubernetes {cluster.version()}"
                pod = _run_session(cluster, make_pod(case, orders), iteration, orders.limits, say)
                container = _facts(title, orders.image, pod)
        finally:
            inside = take_over(iteration)
        failure, exit_code = verdict(case, iteration, inside)
        _tell_of_sharing(inside, orders.options.cpus, say)
    except PinbenchError as error:
        failure, exit_code = str(error), error.exit_code
    return outcome(begin_ns=begin_ns, failure=failure, exit_code=exit_code, inside=inside, container=container)


def _run_session(
    cluster: Cluster, pod: Pod, iteration: Path, limits: PodLimits, say: Callable[[str], None]
) -> PodState | None:
    """Run `pod`; return what was last seen of it."""
    objects = manifests(pod)
    say(f"the cluster at {cluster.address} runs {pod.image} in namespace {pod.namespace}")
    with Interrupts() as interrupts:
        session = PodSession(
            cluster,
            objects,
            folders=folders_in(iteration),
            limits=limits,
            interrupts=interrupts,
            say=say,
            on_line=without_block(say),
        )
        session.run()
    return session.pod


def _facts(title: str, image: str, pod: PodState | None) -> ContainerFacts | None:
    """Return the image that ran as its node knows it, None where none came to run."""
    if pod is None or not pod.image_id:
        return None
    named = pod.image_id.rpartition("://")[2]  # "docker-pullable://name@sha256:..." of older nodes
    _, is_digest, digest = named.rpartition("@")
    return ContainerFacts(engine=title, image=image, image_id=digest, digest=named if is_digest else None)


def _tell_of_sharing(inside: Record | None, cpus: int, say: Callable[[str], None]) -> None:
    seen = 0 if inside is None or inside.plan is None else len(inside.plan.topology.cpus)
    if seen > cpus:
        say(
            f"the pod asked for {cpus} CPUs and could run on {seen}: its node gives no pod CPUs of its own, so that "
            "others may have computed on them; doc/how-to/kubernetes.md says what its kubelet needs"
        )
