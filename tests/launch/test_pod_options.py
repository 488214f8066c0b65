import pytest

from pinbench.base.errors import UsageError
from pinbench.base.units import GIB, MIB
from pinbench.harness.launch.pod_options import read_pod_options


def test_options_are_read_as_a_shell_reads_them():
    options = read_pod_options(
        "--cpus=16 --memory 64Gi --hugepages=2Mi:512Mi --node-label=example.org/kind='bare.metal' --node-label fleet=a "
        "--toleration=dedicated=bench --toleration=quiet --host-path=/data/criteo --needs-features --context=lab "
        "--kubeconfig='/my files/config' --node-wait=300"
    )
    assert (options.cpus, options.memory_bytes, options.hugepages) == (16, 64 * GIB, {"2Mi": 512 * MIB})
    assert options.node_labels == {"example.org/kind": "bare.metal", "fleet": "a"}
    assert options.tolerations == {"dedicated": "bench", "quiet": ""}
    assert (options.host_paths, options.needs_features) == (("/data/criteo",), True)
    assert (options.context, options.kubeconfig, options.node_wait_s) == ("lab", "/my files/config", 300.0)


@pytest.mark.parametrize(("text", "words"), [
    ("", "required: --cpus, --memory"),
    ("--cpus=1.5 --memory=1Gi", "'1.5' is no whole number of CPUs"),
    ("--cpus=0 --memory=1Gi", "'0' is no whole number of CPUs"),
    ("--cpus=1 --memory=64G", "'64G' is no size such as 512Mi, 64Gi or 1Ti"),
    ("--cpus=1 --memory=1Gi --hugepages=1Gi", "'' is no size"),
    ("--cpus=1 --memory=1Gi --hugepages=1Gi:512Mi", "512Mi is no whole number of pages"),
    ("--cpus=1 --memory=1Gi --hugepages=3Mi:3Mi", "does not begin with a size of pages"),
    ("--cpus=1 --memory=1Gi --node-label=fleet", "'fleet' is not KEY=VALUE"),
    ("--cpus=1 --memory=1Gi --node-label=fleet=a/b", "'fleet=a/b' has characters that labels"),
    ("--cpus=1 --memory=1Gi --host-path=data", "'data' is no absolute path"),
    ("--cpus=1 --memory=1Gi --host-path=/data/../etc", "'/data/../etc' is no absolute path"),
    ("--cpus=1 --memory=1Gi --root", "unrecognized arguments: --root"),
    ("--cpus='1", "No closing quotation"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_value(text, words):
    with pytest.raises(UsageError, match=r"^KUBERNETES_OPTIONS") as caught:
        read_pod_options(text)
    assert words in str(caught.value)
