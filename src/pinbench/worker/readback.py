"""What the kernel says of this process: where it ran, what it holds, what it has loaded (proc(5))."""

import os
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pinbench.base.cpulist import format_cpu_list, parse_cpu_list
from pinbench.base.errors import LaunchError
from pinbench.base.units import KIB
from pinbench.contract.result import DataFlow, Enforcement, Libraries, MemoryUse, Placement

_SELF = Path("/proc/self")
_HUGE_FIELDS = ("AnonHugePages", "FilePmdMapped", "ShmemPmdMapped")
_ALLOCATORS = ("jemalloc", "tcmalloc")
_OPENMP = re.compile(r"(libgomp|libiomp5|libomp)\b")


def thread_masks(proc: Path = _SELF) -> dict[int, str]:
    """Return Cpus_allowed_list of each thread, by thread id."""
    masks = {}
    for thread in _threads(proc):
        if (status := _read_if_alive(thread / "status")) is not None:
            masks[int(thread.name)] = _field(status, "Cpus_allowed_list")
    return masks


def require_on_plan(index: int, cpus: Collection[int], masks: Iterable[str]) -> None:
    """Check that no thread may run outside the CPUs of the plan.

    Raises:
        LaunchError: one may.
    """
    for mask in masks:
        if not set(parse_cpu_list(mask)) <= set(cpus):
            raise LaunchError(
                f"instance {index} was to run on cpus {format_cpu_list(cpus)} but its threads may run on {mask}; "
                "something changed their affinity (an OpenMP setting, or a tool such as taskset)"
            )


def read_placement(
    *, threads: int, masks: Iterable[str], memory: Enforcement, pages: Mapping[int, int], migrations: int | None
) -> Placement:
    """Return where the instance ran, from what the functions of this module read."""
    distinct = tuple(sorted(set(masks)))
    return Placement(
        cpus_seen=tuple(sorted({cpu for mask in distinct for cpu in parse_cpu_list(mask)})),
        thread_masks=distinct,
        threads=threads,
        memory=memory,
        node_pages=dict(pages),
        migrations=migrations,
    )


def count_migrations(proc: Path = _SELF) -> dict[int, int] | None:
    """Return how often each thread moved to another CPU so far, or None where the kernel does not say.

    ``se.nr_migrations`` of /proc/PID/task/TID/sched (proc_sched_show_task() in kernel/sched/debug.c).
    """
    counts = {}
    for thread in _threads(proc):
        text = _read_if_alive(thread / "sched")
        match = re.search(r"nr_migrations\s*:\s*(\d+)", text or "")
        if match is not None:
            counts[int(thread.name)] = int(match[1])
    return counts or None


def migrations_between(before: Mapping[int, int] | None, after: Mapping[int, int] | None) -> int | None:
    """Return the migrations of all threads between two counts; a thread born in between counts in full."""
    if before is None or after is None:
        return None
    return sum(count - before.get(thread, 0) for thread, count in after.items())


def flow_between(before: DataFlow | None, after: DataFlow | None) -> DataFlow | None:
    """Return what flowed between two readings of what has flowed so far."""
    if before is None or after is None:
        return None
    fetched = None
    if before.disk_bytes is not None and after.disk_bytes is not None:
        fetched = after.disk_bytes - before.disk_bytes
    return DataFlow(
        rows=after.rows - before.rows,
        read_bytes=after.read_bytes - before.read_bytes,
        disk_bytes=fetched,
        wait_ns=after.wait_ns - before.wait_ns,
        waits=after.waits - before.waits,
        threads=after.threads,
    )


def node_pages(proc: Path = _SELF) -> dict[int, int]:
    """Return this process's pages per NUMA node, in pages of the base size.

    Only memory that the process itself filled: private and shared memory. The pages of files (libraries, a
    mapped data set) are in the page cache, which others filled before us.
    """
    pages: Counter[int] = Counter()
    base_kib = os.sysconf("SC_PAGE_SIZE") // KIB
    for line in (proc / "numa_maps").read_text().splitlines():
        if not _is_own_memory(line):
            continue
        size = re.search(r" kernelpagesize_kB=(\d+)", line)
        scale = int(size[1]) // base_kib if size else 1
        for node, count in re.findall(r" N(\d+)=(\d+)", line):
            pages[int(node)] += int(count) * scale
    return dict(sorted(pages.items()))


def enforcement(
    *, has_policy: bool, host_nodes: Collection[int], wanted: Collection[int], pages: Mapping[int, int]
) -> Enforcement:
    """Return how firmly the memory was bound, given what was set and where the pages came to lie."""
    if len(host_nodes) < 2:
        return Enforcement.NONE
    if has_policy and set(pages) <= set(wanted):
        return Enforcement.ENFORCED
    return Enforcement.BEST_EFFORT


def read_memory(proc: Path = _SELF) -> MemoryUse:
    """Return the process's memory (smaps_rollup, Linux 4.14, Pss_Shmem 5.4; its fields are in KiB)."""
    fields = dict(re.findall(r"^(\w+):\s+(\d+) kB$", (proc / "smaps_rollup").read_text(), re.MULTILINE))
    return MemoryUse(
        pss_bytes=int(fields["Pss"]) * KIB,
        rss_bytes=int(fields["Rss"]) * KIB,
        huge_bytes=sum(int(fields.get(name, "0")) for name in _HUGE_FIELDS) * KIB,
        shared_pss_bytes=int(fields["Pss_Shmem"]) * KIB if "Pss_Shmem" in fields else None,
    )


def read_libraries(proc: Path = _SELF) -> Libraries:
    """Return the allocator and the OpenMP runtime that are mapped; two runtimes are both named."""
    names = {Path(path).name for path in re.findall(r"\s(/\S+)$", (proc / "maps").read_text(), re.MULTILINE)}
    allocators = [kind for kind in _ALLOCATORS if any(kind in name for name in names)]
    runtimes = sorted({match[1] for name in names if (match := _OPENMP.match(name))})
    return Libraries(allocator=allocators[0] if allocators else "libc", openmp="+".join(runtimes) or "none")


def process_age_s(proc: Path = _SELF) -> float:
    """Return the seconds since this process was started, to the kernel's clock tick (10 ms)."""
    # The second field is the program's name in brackets, which may itself hold blanks and brackets.
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # starttime, the 22nd of proc_pid_stat(5)
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s


def _threads(proc: Path) -> list[Path]:
    return sorted((proc / "task").iterdir())


def _read_if_alive(path: Path) -> str | None:
    """Return the text, or None when the thread ended in between or the kernel has no such file."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _field(status: str, name: str) -> str:
    match = re.search(rf"^{name}:\s*(.*)$", status, re.MULTILINE)
    if match is None:
        raise LaunchError(f"/proc/self/status has no line {name!r}; the affinity cannot be read back")
    return match[1].strip()


def _is_own_memory(line: str) -> bool:
    match = re.search(r" file=(\S+)", line)
    return match is None or match[1].startswith(("/memfd:", "/dev/shm/", "/dev/zero", "/anon_hugepage"))
