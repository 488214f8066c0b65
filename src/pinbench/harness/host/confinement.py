"""Whether the kernel runs below a hypervisor, and this process in a container."""

from collections.abc import Collection
from pathlib import Path

from pinbench.harness.host.cgroup import read_group_paths
from pinbench.harness.host.kernelfile import read_text

# What the firmware's vendor and product (DMI) say, in lower case, and whose hypervisor it then is.
_DMI_NAMES = (
    ("qemu", "KVM"),
    ("kvm", "KVM"),
    ("amazon ec2", "Amazon EC2"),
    ("google compute engine", "Google Compute Engine"),
    ("alibaba cloud", "Alibaba Cloud"),
    ("openstack", "OpenStack"),
    ("microsoft corporation virtual machine", "Hyper-V"),
    ("vmware", "VMware"),
    ("virtualbox", "VirtualBox"),
    ("xen", "Xen"),
)
_GROUP_NAMES = (
    ("kubepods", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("crio", "cri-o"),
    ("containerd", "containerd"),
    ("lxc", "lxc"),
)


def read_hypervisor(root: Path, flags: Collection[str]) -> str | None:
    """Return the hypervisor's name, "unnamed" where only the CPU flag tells of it, None on bare metal."""
    kind = read_text(root / "sys/hypervisor/type")
    if kind:
        return kind.capitalize()
    tree = read_text(root / "proc/device-tree/hypervisor/compatible")
    if tree:
        return tree.rstrip("\0").removeprefix("linux,").upper()
    return _dmi_name(root) or ("unnamed" if "hypervisor" in flags else None)


def read_container(root: Path) -> str | None:
    """Return the kind of container that this process is in, or None."""
    groups = " ".join(read_group_paths(root))
    named = [name for sign, name in _GROUP_NAMES if sign in groups]
    if "kubernetes" in named or (root / "var/run/secrets/kubernetes.io").exists():
        return "kubernetes"
    # Files that the engines put there for this question; systemd's: https://systemd.io/CONTAINER_INTERFACE
    if (root / "run/.containerenv").exists():
        return "podman"
    if (root / ".dockerenv").exists():
        return "docker"
    return read_text(root / "run/systemd/container") or (named[0] if named else None)


def _dmi_name(root: Path) -> str | None:
    directory = root / "sys/class/dmi/id"
    words = (read_text(directory / name) or "" for name in ("sys_vendor", "product_name"))
    text = " ".join(words).lower()
    if text.endswith(".metal") or ".metal-" in text:
        return None  # Amazon's bare-metal instances carry its name too: product c7g.metal, m7i.metal-48xl
    return next((name for sign, name in _DMI_NAMES if sign in text), None)
