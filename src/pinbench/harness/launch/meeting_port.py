"""A port for the ranks of this host to meet at, kept from everybody else until they are done."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pinbench.contract.plan import RANKS, Instance


@contextmanager
def meeting_environment(instances: Sequence[Instance]) -> Iterator[dict[str, str]]:
    """Keep a port while the instances live, and yield how they are told; nothing where they need none.

    It is bound here and not listened at: the kernel gives it to nobody who asks for any port, and the rank that does
    listen at it can, with SO_REUSEADDR on both sides (socket(7)).
    """
    env = instances[0].env
    if RANKS not in env or "MASTER_PORT" in env:
        yield {}
        return
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind((env["MASTER_ADDR"], 0))
        yield {"MASTER_PORT": str(keeper.getsockname()[1])}
