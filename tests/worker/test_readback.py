import os
from pathlib import Path

import pytest

from pinbench.base.errors import LaunchError
from pinbench.contract.result import Enforcement
from pinbench.worker import readback

# Two nodes; the library's pages lie where another process read them in first.
NUMA_MAPS = """\
5594c5bf0000 default file=/usr/bin/python3.11 mapped=2 N0=2 kernelpagesize_kB=4
7f0000000000 bind:1 anon=4096 dirty=4096 N1=4096 kernelpagesize_kB=4
7f1000000000 bind:1 file=/memfd:pinbench-weights-1\\040(deleted) dirty=512 mapmax=2 N1=512 kernelpagesize_kB=4
7f2000000000 bind:1 file=/anon_hugepage\\040(deleted) huge dirty=2 N1=2 kernelpagesize_kB=2048
7f3000000000 default file=/usr/lib/libtorch_cpu.so mapped=70000 N0=70000 kernelpagesize_kB=4
7ffd00000000 bind:1 stack anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=4
7ffd10000000 default
"""
SMAPS_ROLLUP = """\
5594c5bf0000-7ffd1a5f6000 ---p 00000000 00:00 0                          [rollup]
Rss:                2000 kB
Pss:                1500 kB
Pss_Dirty:          1000 kB
Pss_Shmem:           700 kB
AnonHugePages:      1024 kB
ShmemPmdMapped:     2048 kB
FilePmdMapped:         0 kB
"""


def make_thread(proc: Path, tid: int, allowed: str, migrations: int | None = None) -> None:
    thread = proc / "task" / str(tid)
    thread.mkdir(parents=True)
    (thread / "status").write_text(f"Name:\tpython\nCpus_allowed:\tff\nCpus_allowed_list:\t{allowed}\n")
    if migrations is not None:
        (thread / "sched").write_text(f"python ({tid}, #threads: 2)\n---\nse.nr_migrations   :   {migrations}\n")


def test_the_mask_of_each_thread_is_read(tmp_path: Path) -> None:
    make_thread(tmp_path, 10, "0-3")
    make_thread(tmp_path, 11, "2")
    (tmp_path / "task" / "12").mkdir()  # a thread that ended while we looked
    assert readback.thread_masks(tmp_path) == {10: "0-3", 11: "2"}


def test_threads_within_the_plan_pass_and_one_outside_is_named() -> None:
    readback.require_on_plan(0, (0, 1), ["0-1", "1"])
    with pytest.raises(LaunchError, match="instance 0 was to run on cpus 0-1 but its threads may run on 0-3;"):
        readback.require_on_plan(0, (0, 1), ["0-1", "0-3"])


def test_migrations_are_those_in_between_and_new_threads_count_in_full(tmp_path: Path) -> None:
    make_thread(tmp_path, 10, "0", migrations=5)
    before = readback.count_migrations(tmp_path)
    (tmp_path / "task/10/sched").write_text("se.nr_migrations : 7\n")
    make_thread(tmp_path, 11, "0", migrations=3)
    assert readback.migrations_between(before, readback.count_migrations(tmp_path)) == 2 + 3


def test_a_kernel_that_does_not_count_migrations_gives_none(tmp_path: Path) -> None:
    make_thread(tmp_path, 10, "0")
    assert readback.count_migrations(tmp_path) is None
    assert readback.migrations_between(None, {10: 1}) is None


def test_pages_are_those_the_process_filled_in_base_pages(tmp_path: Path) -> None:
    (tmp_path / "numa_maps").write_text(NUMA_MAPS)
    assert readback.node_pages(tmp_path) == {0: 1, 1: 4096 + 512 + 2 * 512 + 2}


@pytest.mark.parametrize(
    ("has_policy", "host_nodes", "pages", "expected"),
    [
        (True, (0, 1), {1: 4096}, Enforcement.ENFORCED),
        (True, (0, 1), {0: 1, 1: 4096}, Enforcement.BEST_EFFORT),
        (False, (0, 1), {1: 4096}, Enforcement.BEST_EFFORT),
        (False, (0,), {}, Enforcement.NONE),
        (False, (), {}, Enforcement.NONE),
    ],
)
def test_memory_is_enforced_only_by_a_policy_that_every_page_obeys(
    has_policy: bool, host_nodes: tuple[int, ...], pages: dict[int, int], expected: Enforcement
) -> None:
    found = readback.enforcement(has_policy=has_policy, host_nodes=host_nodes, wanted=(1,), pages=pages)
    assert found is expected


def test_placement_is_the_union_of_the_distinct_masks() -> None:
    placement = readback.read_placement(
        threads=2, masks=["4-5", "4", "4-5"], memory=Enforcement.NONE, pages={}, migrations=None
    )
    assert (placement.cpus_seen, placement.thread_masks) == ((4, 5), ("4", "4-5"))


def test_memory_is_read_in_bytes_with_all_kinds_of_huge_pages(tmp_path: Path) -> None:
    (tmp_path / "smaps_rollup").write_text(SMAPS_ROLLUP)
    memory = readback.read_memory(tmp_path)
    assert (memory.pss_bytes, memory.rss_bytes, memory.huge_bytes) == (1500 << 10, 2000 << 10, 3072 << 10)
    assert memory.shared_pss_bytes == 700 << 10


def test_a_kernel_before_5_4_does_not_tell_shared_memory_apart(tmp_path: Path) -> None:
    (tmp_path / "smaps_rollup").write_text(SMAPS_ROLLUP.replace("Pss_Shmem", "Pss_Other"))
    assert readback.read_memory(tmp_path).shared_pss_bytes is None


@pytest.mark.parametrize(
    ("paths", "allocator", "openmp"),
    [
        (["/lib/libc.so.6"], "libc", "none"),
        (["/lib/libjemalloc.so.2", "/torch/lib/libgomp-a34b3233.so.1"], "jemalloc", "libgomp"),
        (["/lib/libtcmalloc_minimal.so.4", "/lib/libiomp5.so", "/l/libgomp.so.1"], "tcmalloc", "libgomp+libiomp5"),
    ],
)
def test_libraries_are_those_that_are_mapped(tmp_path: Path, paths: list[str], allocator: str, openmp: str) -> None:
    lines = [f"7f0000000000-7f0000001000 r-xp 00000000 fe:00 {i}      {path}" for i, path in enumerate(paths)]
    (tmp_path / "maps").write_text("\n".join([*lines, "7ffd0-7ffd1 rw-p 00000000 00:00 0    [stack]"]) + "\n")
    libraries = readback.read_libraries(tmp_path)
    assert (libraries.allocator, libraries.openmp) == (allocator, openmp)


def test_a_program_name_with_brackets_does_not_confuse_the_age(tmp_path: Path) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    fields = ["S", *["0"] * 18, str(0 * ticks), "0"]
    (tmp_path / "stat").write_text(f"10 (a) b) {' '.join(fields)}\n")
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    assert readback.process_age_s(tmp_path) == pytest.approx(uptime_s, abs=1)


def test_this_very_process_can_be_read() -> None:
    assert readback.thread_masks()
    assert readback.read_memory().rss_bytes > 1 << 20
    assert 0 < readback.process_age_s() < 86_400
