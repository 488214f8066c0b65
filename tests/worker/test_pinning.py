"""Set in a child each: a test must not pin the process that runs the others."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pinbench.base.errors import LaunchError
from pinbench.worker.pinning import memory_nodes_of_host, pin_cpus

SOURCE = str(Path(__file__).parents[2] / "src")


def in_child(code: str) -> str:
    env = {**os.environ, "PYTHONPATH": SOURCE}
    return subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout


def test_a_pinned_process_may_run_there_only() -> None:
    cpu = max(os.sched_getaffinity(0))
    seen = in_child(f"import os; from pinbench.worker.pinning import pin_cpus; pin_cpus([{cpu}]); "
                    "print(os.sched_getaffinity(0))")  # fmt: skip
    assert seen == f"{{{cpu}}}\n"


def test_cpus_that_do_not_exist_are_refused_by_number() -> None:
    with pytest.raises(LaunchError, match="cannot run on cpus 1000-1001: Invalid argument; they went offline"):
        pin_cpus([1000, 1001])


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64") or not Path("/proc/self/numa_maps").exists(),
    reason="the kernel shows no memory policies",
)
def test_a_memory_policy_is_in_force_for_all_pages_to_come() -> None:
    node = (memory_nodes_of_host() or (0,))[0]
    code = (
        "from pathlib import Path; from pinbench.worker.pinning import bind_memory\n"
        f"print(bind_memory([{node}]), f'bind:{node}' in Path('/proc/self/numa_maps').read_text())"
    )
    words = in_child(code).split()
    if words[0] == "False":
        pytest.skip("set_mempolicy is refused here")
    assert words == ["True", "True"]


def test_a_node_that_does_not_exist_is_not_bound() -> None:
    assert in_child("from pinbench.worker.pinning import bind_memory; print(bind_memory([1000]))") == "False\n"


def test_the_nodes_with_memory_come_from_the_kernel(tmp_path: Path) -> None:
    assert memory_nodes_of_host(tmp_path) == ()
    (tmp_path / "devices/system/node").mkdir(parents=True)
    (tmp_path / "devices/system/node/has_memory").write_text("0-1,4\n")
    assert memory_nodes_of_host(tmp_path) == (0, 1, 4)
