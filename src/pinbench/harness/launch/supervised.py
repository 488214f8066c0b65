"""A command that is watched over to its end: what it says goes to a log and on, and what should end it is handed on."""

import os
import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pinbench.base.units import MIB
from pinbench.harness.launch.interrupts import Interrupts
from pinbench.harness.launch.process import Child, reap_orphans, start_piped

_CHUNK_BYTES = MIB
_TICK_S = 0.5  # also how late the end is seen where a descendant keeps the pipe open
_OBEY_S = 7.0  # a run ends its instances within 2 s; an engine's `stop` kills everything after 10 s
_REAP_S = 2.0


def supervise(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    echo: Callable[[bytes], None],
    interrupts: Interrupts,
    on_start: Callable[[int], None],
) -> int:
    """Run `argv` to its end and return its exit code: 128 + n where signal n ended it, or ended us first.

    SIGINT, SIGTERM and SIGHUP that `interrupts` collects go to the command, each once; what does not obey is killed.

    Args:
        argv: the command.
        env: its whole environment.
        log: gets all that it writes, on stdout as on stderr.
        echo: gets the same, as it comes.
        interrupts: entered, so that no signal is lost before the command runs.
        on_start: is given the command's pid.

    Raises:
        LaunchError: the command cannot be started.
        OSError: the log cannot be written.
    """
    with log.open("ab", buffering=0) as file, selectors.DefaultSelector() as selector:
        child, pipe = start_piped(argv, env=env)
        on_start(child.pid)
        selector.register(pipe, selectors.EVENT_READ)
        selector.register(interrupts, selectors.EVENT_READ)

        def take(data: bytes) -> None:
            file.write(data)
            echo(data)

        try:
            _follow(child, pipe, selector, interrupts, take)
        finally:
            code = child.reap(_REAP_S)
            os.close(pipe)
            reap_orphans()
    if interrupts.caught:
        return 128 + interrupts.caught[0]
    if code is None:
        return 128 + signal.SIGKILL  # it hangs in the kernel and is left there
    return code if code >= 0 else 128 - code


def _follow(
    child: Child, pipe: int, selector: selectors.BaseSelector, interrupts: Interrupts, take: Callable[[bytes], None]
) -> None:
    """Return when the command has ended and all that it wrote has been taken."""
    forwarded = 0
    kill_at = None
    while True:
        readable = {key.fileobj for key, _ in selector.select(_TICK_S)}
        data = os.read(pipe, _CHUNK_BYTES) if pipe in readable else b""
        take(data)
        interrupts.drain()
        for number in interrupts.caught[forwarded:]:
            child.send(number)
            forwarded += 1
            kill_at = kill_at or time.monotonic() + _OBEY_S
        if kill_at is not None and time.monotonic() > kill_at:
            return  # and reap() kills it
        if not data and (pipe in readable or child.has_ended()):
            if child.await_end(_TICK_S):
                return
            if pipe in readable:  # it has closed its output, and goes on
                selector.unregister(pipe)
