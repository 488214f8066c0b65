"""CPUs are reserved host-wide, so that two runs never measure on the same ones at the same time.

A reservation is an abstract unix socket (unix(7)) named after the core: binding the name is exclusive, and the
kernel releases it when its owner ends, however it ends. Abstract names are seen within one network namespace:
runs in separate containers do not see each other's.
"""

import errno
import os
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.errors import LaunchError
from pinbench.contract.host import Topology

_RETRY_S = 0.2
_BACKLOG = 128  # askers after the owner's pid that were never accepted


@contextmanager
def reserve_cpus(
    topology: Topology,
    cpus: Collection[int],
    *,
    timeout_s: float,
    on_wait: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold `cpus` while entered; wait up to `timeout_s` for another run, saying so once by `on_wait`.

    Whole cores are held, by the id of their first CPU: a run on the SMT siblings would disturb as well.

    Raises:
        LaunchError: another run holds one of them after `timeout_s`.
    """
    cores = sorted({cpu.core for cpu in topology.cpus if cpu.id in cpus})
    give_up = clock() + timeout_s
    with ExitStack() as held:
        has_said = False
        while (busy := _try_all(cores, held)) is not None:
            if clock() >= give_up:
                raise LaunchError(
                    f"{_in_use(cpus, busy)} after {timeout_s:g} s; let it end, or choose fewer cores with "
                    "CORES_PER_INSTANCE and INSTANCE_NUMBER"
                )
            if not has_said:
                on_wait(f"{_in_use(cpus, busy)}; waiting up to {timeout_s:g} s")
                has_said = True
            sleep(_RETRY_S)
        yield


def _try_all(cores: Collection[int], held: ExitStack) -> int | None:
    """Reserve all of `cores` in `held`, or none; return the first that another run has."""
    with ExitStack() as attempt:
        for core in cores:
            owner = attempt.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            try:
                owner.bind(_name(core))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return core
                raise LaunchError(f"cannot reserve cpu {core}: {os.strerror(error.errno or 0)}") from error
            owner.listen(_BACKLOG)  # so that a waiting run can ask whose it is
        held.enter_context(attempt.pop_all())
        return None


def _in_use(cpus: Collection[int], busy: int) -> str:
    pid = _owner_pid(busy)
    owner = f" (pid {pid})" if pid else ""
    return f"cpus {format_cpu_list(cpus)}: another pinbench run{owner} holds cpu {busy}"


def _owner_pid(core: int) -> int | None:
    """Return the process that holds `core`, where the kernel tells; 0 when it is in another PID namespace."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asker:
        asker.setblocking(False)
        try:
            asker.connect(_name(core))
            credentials = asker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return None  # it ended meanwhile, or has not called listen() yet
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def _name(core: int) -> str:
    return f"\0pinbench-cpu-{core}"
