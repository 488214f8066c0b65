import pytest

from pinbench.base.units import GIB, MIB
from pinbench.harness.host.cgroup import read_cgroup_limits, read_group_paths

UNLIMITED = (None, None, None)


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def test_version_1_is_read_where_the_container_engine_mounts_the_group_as_root(machine):
    limits = read_cgroup_limits(machine("container-0-3"), machine_bytes=16 * GIB)
    assert limits.cpus == (0, 3)
    assert limits.memory_nodes == (0,)
    assert limits.memory_limit_bytes == 2 * GIB
    # 640 MiB are used, 128 of them are file pages that the kernel can drop
    assert limits.memory_remaining_bytes == 2 * GIB - 512 * MIB
    assert limits.cpu_quota == 1.0


def test_version_2_takes_the_least_limit_of_all_ancestors(machine):
    limits = read_cgroup_limits(machine("pod-cgroup2"), machine_bytes=256 * GIB)
    assert limits.cpus == (4, 5, 6, 7, 20, 21, 36)
    assert limits.memory_limit_bytes == 16 * GIB  # the pod's, not the container's 32
    assert limits.memory_remaining_bytes == 10 * GIB  # 8 of 16 used, 2 of them file pages
    assert limits.cpu_quota == 3.5


def test_the_hybrid_layout_without_limits_has_none(machine):
    limits = read_cgroup_limits(machine("firecracker"), machine_bytes=24 * GIB)
    assert limits.cpus == (0, 1)
    assert (limits.memory_limit_bytes, limits.memory_remaining_bytes, limits.cpu_quota) == UNLIMITED


def test_a_host_without_groups_has_no_limits(tmp_path):
    limits = read_cgroup_limits(tmp_path, machine_bytes=None)
    assert (limits.cpus, limits.memory_nodes) == (None, None)
    assert (limits.memory_limit_bytes, limits.memory_remaining_bytes, limits.cpu_quota) == UNLIMITED


def test_version_1_tells_of_an_ancestor_that_is_not_mounted(tmp_path):
    write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/",
            "proc/self/mountinfo": "33 31 0:29 / /cg\\040roup ro - cgroup cgroup rw,memory",
            "cg roup/memory.limit_in_bytes": "9223372036854771712",
            "cg roup/memory.usage_in_bytes": str(GIB),
            "cg roup/memory.stat": f"hierarchical_memory_limit {4 * GIB}",
        },
    )
    limits = read_cgroup_limits(tmp_path, machine_bytes=24 * GIB)
    assert limits.memory_limit_bytes == 4 * GIB
    assert limits.memory_remaining_bytes == 3 * GIB


def test_a_group_outside_of_the_namespace_falls_back_to_what_is_mounted(tmp_path):
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/../other",
            "proc/self/mountinfo": "31 23 0:27 / /cg rw - cgroup2 cgroup2 rw",
            "cg/memory.max": str(2 * GIB),
            "cg/memory.current": "0",
        },
    )
    assert read_cgroup_limits(tmp_path, machine_bytes=None).memory_limit_bytes == 2 * GIB


def test_usage_beyond_the_limit_leaves_nothing_rather_than_less(tmp_path):
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "proc/self/mountinfo": "31 23 0:27 / /cg rw - cgroup2 cgroup2 rw",
            "cg/memory.max": str(GIB),
            "cg/memory.current": str(2 * GIB),
        },
    )
    assert read_cgroup_limits(tmp_path, machine_bytes=None).memory_remaining_bytes == 0


@pytest.mark.parametrize(
    ("name", "path"), [("container-0-3", "/docker/6ea1"), ("pod-cgroup2", "/kubepods.slice/pod7.slice/cri-a b.scope")]
)
def test_the_paths_of_the_groups_are_told(machine, name, path):
    assert path in read_group_paths(machine(name))
