import importlib.util
from dataclasses import replace

import kubernetes_validate
import pytest
import yaml

from pinbench.base.errors import LaunchError
from pinbench.harness.launch import kubernetes_client
from pinbench.harness.launch.pod_manifest import Pod, manifest_text, manifests
from pinbench.harness.launch.pod_options import read_pod_options

BASIC = "--cpus=16 --memory=64Gi"
RICH = (
    f"{BASIC} --hugepages=2Mi:512Mi --node-label=fleet=a --toleration=dedicated=bench --toleration=quiet "
    "--host-path=/data/criteo"
)
POD = Pod(
    namespace="pinbench-0123",
    case="dlrm_inference_throughput_avx_int8_gated",
    image="registry.example.org/dlrm:v1",
    words=("--case", "dlrm_inference_throughput_avx_int8_gated", "--set", "STEPS=20"),
    options=read_pod_options(BASIC),
    limit_s=1234.5,
    architecture="x86_64",
    features=(("avx512_vnni", "avx_vnni"),),
    models=((6, (0x8F, 0xCF)),),
)


def job_of(pod):
    return manifests(pod)[1]


def spec_of(pod):
    return job_of(pod)["spec"]["template"]["spec"]


def container_of(pod):
    (container,) = spec_of(pod)["containers"]
    return container


@pytest.mark.parametrize("version", ["1.29", "1.37"])
@pytest.mark.parametrize("options", [BASIC, RICH, f"{RICH} --needs-features"])
def test_every_object_is_strictly_valid(options, version):
    pod = replace(POD, options=read_pod_options(options), variables={"PINBENCH_PASS": "A"})
    found = list(yaml.safe_load_all(manifest_text(manifests(pod))))
    assert [manifest["kind"] for manifest in found] == ["Namespace", "Job"]
    for manifest in found:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_validation_sees_a_misspelt_field():
    wrong = job_of(POD)
    wrong["spec"]["backofLimit"] = wrong["spec"].pop("backoffLimit")
    with pytest.raises(kubernetes_validate.ValidationError, match="backofLimit"):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


def test_whole_cpus_and_requests_that_are_the_limits_make_the_pod_guaranteed():
    resources = container_of(replace(POD, options=read_pod_options(RICH)))["resources"]
    assert resources["limits"] == {"cpu": "16", "memory": "65536Mi", "hugepages-2Mi": "512Mi"}
    assert resources["requests"] == resources["limits"]


def test_a_pod_has_no_rights_and_its_namespace_lets_none_have_any():
    spec, container = spec_of(POD), container_of(POD)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
    }  # fmt: skip
    assert spec["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    namespace = manifests(POD)[0]["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    with_host = manifests(replace(POD, options=read_pod_options(RICH)))[0]["metadata"]
    assert with_host["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


def test_what_can_be_written_is_tmp_and_as_much_shared_memory_as_weights_may_take():
    spec = spec_of(replace(POD, options=read_pod_options(RICH)))
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["tmp"] == {"name": "tmp", "emptyDir": {}}
    assert volumes["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": f"{64 + 65536 * 3 // 4}Mi"}
    assert volumes["hugepages-2Mi"]["emptyDir"] == {"medium": "HugePages-2Mi"}
    assert volumes["host-0"]["hostPath"] == {"path": "/data/criteo"}
    mounts = {mount["mountPath"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert set(mounts) == {"/tmp", "/dev/shm", "/dev/hugepages-2Mi", "/data/criteo"}
    assert mounts["/data/criteo"]["readOnly"] is True


def test_a_job_is_tried_once_and_ended_by_the_cluster_when_nobody_else_does():
    spec = job_of(POD)["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["completions"]) == (0, 1234, 1)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert container_of(POD)["args"] == list(POD.words)


def test_nodes_must_have_the_architecture_and_the_users_labels_and_are_wished_to_have_the_features():
    affinity = spec_of(replace(POD, options=read_pod_options(RICH)))["affinity"]["nodeAffinity"]
    (needed,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert {term["key"]: term["values"] for term in needed["matchExpressions"]} == {
        "kubernetes.io/os": ["linux"], "kubernetes.io/arch": ["amd64"], "fleet": ["a"],
    }  # fmt: skip
    wishes = [term["preference"] for term in affinity["preferredDuringSchedulingIgnoredDuringExecution"]]
    assert [{term["key"]: term["values"] for term in wish["matchExpressions"]} for wish in wishes] == [
        {
            f"feature.node.kubernetes.io/cpu-cpuid.{flag}": ["true"],
            "feature.node.kubernetes.io/cpu-model.family": ["6"],
            "feature.node.kubernetes.io/cpu-model.id": ["143", "207"],
        }
        for flag in ("AVX512VNNI", "AVXVNNI")
    ]


def test_features_that_are_needed_are_a_part_of_every_alternative():
    pod = replace(POD, options=read_pod_options(f"{BASIC} --needs-features"), models=())
    affinity = spec_of(pod)["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert [{each["key"] for each in term["matchExpressions"]} for term in terms] == [
        {"kubernetes.io/os", "kubernetes.io/arch", f"feature.node.kubernetes.io/cpu-cpuid.{flag}"}
        for flag in ("AVX512VNNI", "AVXVNNI")
    ]
    assert "preferredDuringSchedulingIgnoredDuringExecution" not in affinity


def test_a_generic_platform_of_arm_asks_for_its_architecture_alone():
    pod = replace(POD, architecture="aarch64", features=(), models=())
    affinity = spec_of(pod)["affinity"]["nodeAffinity"]
    assert affinity.keys() == {"requiredDuringSchedulingIgnoredDuringExecution"}
    assert '"arm64"' in str(affinity).replace("'", '"')


def test_a_long_name_of_a_case_stays_whole_in_an_annotation_and_is_cut_to_a_label():
    metadata = job_of(replace(POD, case=f"{'a' * 62}_b"))["metadata"]
    assert metadata["labels"] == {"pinbench": "a" * 62}
    assert metadata["annotations"] == {"pinbench/case": f"{'a' * 62}_b"}


def test_without_the_client_one_line_says_how_to_get_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        kubernetes_client.importlib.util, "find_spec", lambda name: None if name == "kubernetes" else find(name)
    )
    with pytest.raises(LaunchError, match=r"`script/env/python kubernetes` installs it$"):
        manifests(POD)
