"""The argv of one child, complete from the start."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pinbench.base.cpulist import format_cpu_list
from pinbench.contract.plan import Instance


def worker_program(python: str) -> tuple[str, ...]:
    """Return the worker's argv without its arguments."""
    # -P: a file named like a module, in the directory where the user happens to be, is not imported instead of it.
    return (python, "-P", "-m", "pinbench.worker.main")


WORKER = worker_program(sys.executable)


def worker_command(
    instance: Instance,
    instance_file: Path,
    *,
    gate_fd: int,
    stop_fd: int,
    store_fd: int | None,
    program: Sequence[str] = WORKER,
    numactl: str | None = None,
) -> list[str]:
    """Return the argv that starts `instance`; with `numactl`, the policy holds from the first page on."""
    words = [*program, str(instance_file), "--gate-fd", str(gate_fd), "--stop-fd", str(stop_fd)]
    if store_fd is not None:
        words += ["--store-fd", str(store_fd)]
    if numactl is None:
        return words
    return [*membind(numactl, instance.memory_nodes), *words]


def membind(numactl: str, nodes: Sequence[int]) -> list[str]:
    """Return the words in front of a command that bind its memory to `nodes` (numactl(8))."""
    return [numactl, f"--membind={format_cpu_list(nodes)}", "--"]
