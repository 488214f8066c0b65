import pytest

from pinbench.harness.host.confinement import read_container, read_hypervisor


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("vendor", "product", "name"),
    [
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", "KVM"),
        ("Amazon EC2", "m7i.48xlarge", "Amazon EC2"),
        ("Amazon EC2", "c7g.metal", None),
        ("Amazon EC2", "m7i.metal-48xl", None),
        ("Google", "Google Compute Engine", "Google Compute Engine"),
        ("Microsoft Corporation", "Virtual Machine", "Hyper-V"),
        ("VMware, Inc.", "VMware7,1", "VMware"),
        ("Dell Inc.", "PowerEdge R760", None),
    ],
)
def test_the_firmware_names_the_hypervisor(tmp_path, vendor, product, name):
    write(tmp_path, {"sys/class/dmi/id/sys_vendor": vendor, "sys/class/dmi/id/product_name": product})
    assert read_hypervisor(tmp_path, ()) == name


def test_xen_and_device_trees_name_it_themselves(tmp_path):
    write(tmp_path, {"proc/device-tree/hypervisor/compatible": "linux,kvm\0"})
    assert read_hypervisor(tmp_path, ()) == "KVM"
    write(tmp_path, {"sys/hypervisor/type": "xen"})
    assert read_hypervisor(tmp_path, ()) == "Xen"


def test_the_flag_alone_tells_that_there_is_one(tmp_path):
    assert read_hypervisor(tmp_path, ("avx2", "hypervisor")) == "unnamed"
    assert read_hypervisor(tmp_path, ("avx2",)) is None


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({}, None),
        ({".dockerenv": ""}, "docker"),
        ({"run/.containerenv": ""}, "podman"),
        ({"run/systemd/container": "lxc\n"}, "lxc"),
        ({"proc/self/cgroup": "0::/system.slice/docker-6ea1.scope"}, "docker"),
        ({"proc/self/cgroup": "0::/user.slice/libpod-1.scope"}, "podman"),
        ({"proc/self/cgroup": "0::/kubepods.slice/cri-containerd-1.scope"}, "kubernetes"),
        ({".dockerenv": "", "var/run/secrets/kubernetes.io/serviceaccount/token": "x"}, "kubernetes"),
        ({"proc/self/cgroup": "0::/user.slice/session-1.scope"}, None),
    ],
)
def test_the_container_is_told_by_its_marks(tmp_path, files, name):
    write(tmp_path, files)
    assert read_container(tmp_path) == name
