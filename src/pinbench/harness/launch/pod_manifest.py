"""What a cluster is asked to run: a namespace and one Job in it, in the models of the official client. Pure.

Whole CPUs and memory with requests equal to limits make the pod Guaranteed, which alone gets CPUs of its own from the
kubelet's static policy (kubernetes.io, "Control CPU Management Policies on the Node"). The pod keeps the restricted
Pod Security Standard, unless it is given folders of the node.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from pinbench.base.units import MIB
from pinbench.harness.launch.container_argv import LABEL, shm_limit_bytes
from pinbench.harness.launch.kubernetes_client import require_client
from pinbench.harness.launch.pod_options import PodOptions

CONTAINER = "case"
JOB = "case"
_CASE = "pinbench/case"  # an annotation: names of cases may be longer than labels
_USER = 10001  # of the images
_LABEL_LIMIT = 63
_KEEP_S = 3600  # that the Job stays when it has ended and nobody took the namespace away
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# kubernetes-sigs.github.io/node-feature-discovery, "Feature labels": the labels that it gives to nodes
_FEATURE = "feature.node.kubernetes.io/cpu-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A case as a cluster runs it."""

    namespace: str
    case: str
    image: str
    words: tuple[str, ...]  # for the image's entry
    options: PodOptions
    limit_s: float  # after which the cluster itself ends it, should nobody be left who does
    architecture: str  # in the kernel's words
    features: tuple[tuple[str, ...], ...] = ()  # of the CPU, one of each group, in the words of /proc/cpuinfo
    models: tuple[tuple[int | None, tuple[int, ...]], ...] = ()  # family and models of the platform's CPUs
    variables: Mapping[str, str] = field(default_factory=dict)


def manifests(pod: Pod) -> list[dict[str, Any]]:
    """Return the objects to create, in this order, as the client serialises its models.

    Raises:
        LaunchError: the client is not installed.
    """
    client = require_client()
    serialize = client.ApiClient(client.Configuration()).sanitize_for_serialization
    return [serialize(_namespace(client, pod)), serialize(_job(client, pod))]


def manifest_text(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return `objects` as one file for ``kubectl create -f``."""
    return yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True, width=10_000, explicit_start=True)


def _namespace(client: Any, pod: Pod) -> Any:
    level = "privileged" if pod.options.host_paths else "restricted"  # no level between allows folders of the node
    labels = {**_labels(pod), "pod-security.kubernetes.io/enforce": level}
    return client.V1Namespace(
        api_version="v1", kind="Namespace", metadata=client.V1ObjectMeta(name=pod.namespace, labels=labels)
    )


def _job(client: Any, pod: Pod) -> Any:
    annotations = {_CASE: pod.case}
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=_labels(pod), annotations=annotations), spec=_pod(client, pod)
    )
    return client.V1Job(
        api_version="batch/v1",
        kind="Job",
        metadata=client.V1ObjectMeta(name=JOB, namespace=pod.namespace, labels=_labels(pod), annotations=annotations),
        spec=client.V1JobSpec(
            completions=1,
            parallelism=1,
            backoff_limit=0,  # a second try would be another measurement under the same name
            active_deadline_seconds=int(pod.limit_s),
            ttl_seconds_after_finished=_KEEP_S,
            template=template,
        ),
    )


def _pod(client: Any, pod: Pod) -> Any:
    return client.V1PodSpec(
        restart_policy="Never",
        automount_service_account_token=False,
        enable_service_links=False,  # variables that the image would have to tell from parameters
        termination_grace_period_seconds=30,
        affinity=client.V1Affinity(node_affinity=_node_affinity(client, pod)),
        tolerations=[
            client.V1Toleration(key=key, operator="Equal" if value else "Exists", value=value or None)
            for key, value in pod.options.tolerations.items()
        ] or None,
        security_context=client.V1PodSecurityContext(
            run_as_non_root=True,
            run_as_user=_USER,
            run_as_group=_USER,
            fs_group=_USER,
            seccomp_profile=client.V1SeccompProfile(type="RuntimeDefault"),
        ),
        containers=[_container(client, pod)],
        volumes=[
            client.V1Volume(name="tmp", empty_dir=client.V1EmptyDirVolumeSource()),
            client.V1Volume(
                name="shm",
                empty_dir=client.V1EmptyDirVolumeSource(
                    medium="Memory", size_limit=_mebibytes(shm_limit_bytes(pod.options.memory_bytes))
                ),
            ),
            *(
                client.V1Volume(
                    name=_hugepages(size), empty_dir=client.V1EmptyDirVolumeSource(medium=f"HugePages-{size}")
                )
                for size in pod.options.hugepages
            ),
            *(
                client.V1Volume(name=f"host-{number}", host_path=client.V1HostPathVolumeSource(path=path))
                for number, path in enumerate(pod.options.host_paths)
            ),
        ],
    )  # fmt: skip


def _container(client: Any, pod: Pod) -> Any:
    amounts = {
        "cpu": str(pod.options.cpus),
        "memory": _mebibytes(pod.options.memory_bytes),
        **{_hugepages(size): _mebibytes(size_bytes) for size, size_bytes in pod.options.hugepages.items()},
    }
    return client.V1Container(
        name=CONTAINER,
        image=pod.image,
        image_pull_policy="IfNotPresent",
        args=list(pod.words),
        env=[client.V1EnvVar(name=name, value=value) for name, value in pod.variables.items()] or None,
        resources=client.V1ResourceRequirements(requests=amounts, limits=dict(amounts)),
        security_context=client.V1SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=client.V1Capabilities(drop=["ALL"]),
        ),
        volume_mounts=[
            client.V1VolumeMount(name="tmp", mount_path="/tmp"),
            client.V1VolumeMount(name="shm", mount_path="/dev/shm"),
            *(
                client.V1VolumeMount(name=_hugepages(size), mount_path=f"/dev/{_hugepages(size)}")
                for size in pod.options.hugepages
            ),
            *(
                client.V1VolumeMount(name=f"host-{number}", mount_path=path, read_only=True)
                for number, path in enumerate(pod.options.host_paths)
            ),
        ],
    )  # fmt: skip


def _node_affinity(client: Any, pod: Pod) -> Any:
    """Return which nodes may run the pod, and which it likes best.

    What node-feature-discovery tells of nodes is only a wish by default: not every cluster has it, and a run on a node
    that cannot compute the case says so itself.
    """

    def term(labels: Mapping[str, Sequence[str]]) -> Any:
        return client.V1NodeSelectorTerm(
            match_expressions=[
                client.V1NodeSelectorRequirement(key=key, operator="In", values=list(values))
                for key, values in labels.items()
            ]
        )

    needed = {
        "kubernetes.io/os": ["linux"],
        "kubernetes.io/arch": [_ARCHITECTURES[pod.architecture]],
        **{key: [value] for key, value in pod.options.node_labels.items()},
    }
    choices = list(_choices(pod))
    if pod.options.needs_features and choices:
        return client.V1NodeAffinity(
            required_during_scheduling_ignored_during_execution=client.V1NodeSelector(
                node_selector_terms=[term({**needed, **choice}) for choice in choices]
            )
        )
    return client.V1NodeAffinity(
        required_during_scheduling_ignored_during_execution=client.V1NodeSelector(node_selector_terms=[term(needed)]),
        preferred_during_scheduling_ignored_during_execution=[
            client.V1PreferredSchedulingTerm(weight=100, preference=term(choice)) for choice in choices
        ] or None,
    )  # fmt: skip


def _choices(pod: Pod) -> Iterator[dict[str, list[str]]]:
    """Yield the labels of nodes that can compute the case and are the platform: any of these sets will do."""
    for flags in itertools.product(*pod.features):
        able = {f"{_FEATURE}cpuid.{flag.upper().replace('_', '')}": ["true"] for flag in flags}
        for family, models in pod.models:
            known = {} if family is None else {f"{_FEATURE}model.family": [str(family)]}
            yield {**able, **known, f"{_FEATURE}model.id": [str(model) for model in models]}
        if not pod.models and able:
            yield able


def _labels(pod: Pod) -> dict[str, str]:
    return {LABEL: pod.case[:_LABEL_LIMIT].rstrip("_-.")}


def _hugepages(size: str) -> str:
    return f"hugepages-{size}"


def _mebibytes(size_bytes: int) -> str:
    return f"{-(-size_bytes // MIB)}Mi"
