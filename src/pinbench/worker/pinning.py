"""This process's CPUs and memory policy, set before any library looks at them."""

import ctypes
import os
import platform
from collections.abc import Collection
from pathlib import Path

from pinbench.base.cpulist import format_cpu_list, parse_cpu_list
from pinbench.base.errors import LaunchError

_MPOL_BIND = 2  # include/uapi/linux/mempolicy.h
# arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for aarch64
_SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237}
_MIGRATE_PAGES = {"x86_64": 256, "aarch64": 238}


def pin_cpus(cpus: Collection[int]) -> None:
    """Let this thread, and all that it will start, run on `cpus` only.

    Raises:
        LaunchError: the kernel refuses: none of the CPUs is online and in this process's cpuset.
    """
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        raise LaunchError(
            f"cannot run on cpus {format_cpu_list(cpus)}: {error.strerror}; "
            "they went offline or left this cgroup's cpuset since the plan was made"
        ) from error


def memory_nodes_of_host(sys: Path = Path("/sys")) -> tuple[int, ...]:
    """Return the NUMA nodes that have memory; empty where the kernel knows no nodes."""
    try:
        return parse_cpu_list((sys / "devices/system/node/has_memory").read_text())
    except FileNotFoundError:
        return ()


def bind_memory(nodes: Collection[int], others: Collection[int] = ()) -> bool:
    """Allocate from `nodes` only (set_mempolicy(2), MPOL_BIND) and return whether the kernel agreed.

    Pages that the interpreter already has on `others` move over (migrate_pages(2)). Containers commonly refuse
    both calls (Docker's default seccomp profile wants CAP_SYS_NICE): then the first touch by a pinned thread
    decides, as it does without a policy, and what is read back later says where the pages came to lie.
    """
    machine = platform.machine()
    if machine not in _SET_MEMPOLICY:
        return False
    target, bits = _mask(nodes, others)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SET_MEMPOLICY[machine], _MPOL_BIND, target, bits) != 0:
        return False
    if others:
        source, _ = _mask(others, nodes)
        libc.syscall(_MIGRATE_PAGES[machine], 0, bits, source, target)
    return True


def _mask(nodes: Collection[int], others: Collection[int]) -> tuple[ctypes.Array[ctypes.c_ulong], ctypes.c_ulong]:
    word_bits = 8 * ctypes.sizeof(ctypes.c_ulong)
    words = max((*nodes, *others)) // word_bits + 1
    mask = (ctypes.c_ulong * words)()
    for node in nodes:
        mask[node // word_bits] |= 1 << node % word_bits
    # One more than there are bits: the kernel takes the last one away again (get_nodes() in mm/mempolicy.c).
    return mask, ctypes.c_ulong(words * word_bits + 1)
