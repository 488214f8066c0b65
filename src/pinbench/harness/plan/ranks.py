"""The ranks of a distributed training: an instance is one, and torchrun may have started this command on several hosts.

torchrun starts one `pinbench` on each host, and each plans and pins the ranks of its own host; what tells ranks where
to meet has torchrun's names (torch.distributed.run, "Environment Variables"), which is what they read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinbench.base.errors import UsageError
from pinbench.contract.case import Case, Function
from pinbench.contract.plan import DISTRIBUTED, RANKS

LOOPBACK = "127.0.0.1"
PORT = "MASTER_PORT"

_TORCHRUN = "TORCHELASTIC_RUN_ID"  # set for what torchrun starts, and by nothing else
_HANDED_ON = ("TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT")
_BACKEND, _CCL, _WORKERS = "DIST_BACKEND", "ccl", "CCL_WORKER_COUNT"
# What says which interface to use, of each library that asks for it.
INTERFACES = {"gloo": "GLOO_SOCKET_IFNAME", "nccl": "NCCL_SOCKET_IFNAME", "ccl": "CCL_KVS_IFACE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The hosts of a training, and which of them this is; alone by default."""

    count: int = 1
    number: int = 0
    address: str = LOOPBACK
    port: int | None = None  # None: the launcher finds one that is free
    interface: str | None = "lo"  # that leads to `address`; None: libraries choose
    env: Mapping[str, str] | None = None  # of torchrun, for the ranks


def is_distributed(case: Case) -> bool:
    """Return whether the instances of `case` are ranks of one training."""
    return case.function is Function.TRAINING and bool(case.knobs.own.get(DISTRIBUTED))


def read_hosts(environment: Mapping[str, str]) -> Hosts:
    """Return what torchrun says in `environment`, the interface left out; without it this host is alone.

    Raises:
        UsageError: torchrun started several processes here.
    """
    if _TORCHRUN not in environment:
        return Hosts()
    if (local := environment.get("LOCAL_WORLD_SIZE")) != "1":
        raise UsageError(
            f"torchrun started {local} of this command on this host; start one with --nproc-per-node=1, and set "
            "INSTANCE_NUMBER to the ranks of each host: they are pinned then"
        )
    return Hosts(
        count=int(environment["GROUP_WORLD_SIZE"]),
        number=int(environment["GROUP_RANK"]),
        address=environment["MASTER_ADDR"],
        port=int(environment[PORT]),
        interface=None,
        env={name: environment[name] for name in _HANDED_ON if name in environment},
    )


def rank_environment(case: Case, hosts: Hosts, index: int, cpus: Sequence[Sequence[int]]) -> dict[str, str]:
    """Return what instance `index` of those on `cpus` is told besides; all hosts have the same number of them."""
    local = len(cpus)
    backend = str(case.knobs.own.get(_BACKEND, "gloo"))
    return {
        "RANK": str(hosts.number * local + index),
        RANKS: str(hosts.count * local),
        "LOCAL_RANK": str(index),
        "LOCAL_WORLD_SIZE": str(local),
        "MASTER_ADDR": hosts.address,
        **({} if hosts.port is None else {PORT: str(hosts.port)}),
        **({} if hosts.interface is None else {INTERFACES[backend]: hosts.interface}),
        **(hosts.env or {}),
        **(_ccl(int(case.knobs.own[_WORKERS]), index, cpus) if backend == _CCL else {}),
    }


def rank_notes(case: Case, hosts: Hosts, local: int) -> tuple[str, ...]:
    """Return what a user may want to know of the ranks."""
    if not is_distributed(case):
        return ()
    first, total = hosts.number * local, hosts.count * local
    if hosts.count == 1:
        return (f"the {local} instances are ranks of one training: each learns its part of every batch",)
    return (
        f"the {local} instances are ranks {first} to {first + local - 1} of {total}, host {hosts.number} of "
        f"{hosts.count}: each learns its part of every batch, and the throughput is that of this host's part",
    )


def _ccl(workers: int, index: int, cpus: Sequence[Sequence[int]]) -> dict[str, str]:
    """Return oneCCL's settings (its reference, "Environment Variables"): workers run on the last cores of their rank.

    The affinity is that of all local workers; without an MPI launcher it must be told who is who.
    """
    last = [own[-1 - worker % len(own)] for own in cpus for worker in range(workers)]
    return {
        "CCL_WORKER_COUNT": str(workers),
        "CCL_WORKER_AFFINITY": ",".join(map(str, last)),
        "CCL_PROCESS_LAUNCHER": "none",
        "CCL_LOCAL_RANK": str(index),
        "CCL_LOCAL_SIZE": str(len(cpus)),
        "CCL_ATL_TRANSPORT": "ofi",
    }
