"""The child processes of one launch: started, asked for their stacks, and ended, each with its whole group."""

import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import write_json
from pinbench.contract.plan import Instance
from pinbench.harness.launch.channel import Channel
from pinbench.harness.launch.command import worker_command
from pinbench.harness.launch.process import Child, start_child

_TERM_GRACE_S = 2.0  # between SIGTERM and SIGKILL
_REAP_S = 5.0  # SIGKILL takes effect at once unless the process is stuck in the kernel
_STACKS_S = 1.0
_TICK_S = 0.02


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """One instance's process."""

    instance: Instance
    directory: Path
    child: Child
    channel: Channel
    started_ns: int
    has_ended: bool = False
    returncode: int | None = None  # negative: a signal; None after the end: it could not be ended

    @property
    def stderr_log(self) -> Path:
        """Where it writes what goes wrong."""
        return self.directory / "stderr.log"

    def bury(self) -> None:
        """End what is left of the group, and note how the process ended."""
        self.returncode = self.child.reap(_REAP_S)
        self.has_ended = True
        self.channel.close()


class Crew:
    """All members; `end` leaves none of them alive."""

    def __init__(self, directory: Path, program: Sequence[str], numactl: str | None) -> None:
        self.members: list[Member] = []
        self._directory = directory
        self._program = program
        self._numactl = numactl

    @property
    def alive(self) -> list[Member]:
        """The members that have not been buried."""
        return [member for member in self.members if not member.has_ended]

    def start(self, instance: Instance, *, env: Mapping[str, str], stop_fd: int, store_fd: int | None) -> None:
        """Write the orders of `instance` and start its process.

        Raises:
            RecordError: its directory exists already, or cannot be written.
            LaunchError: the program cannot be started.
        """
        directory = _make_directory(self._directory / f"instance-{instance.index:03d}")
        orders = directory / "instance.json"
        write_json(orders, instance)
        channel = Channel()
        try:
            argv = worker_command(
                instance,
                orders,
                gate_fd=channel.child_fd,
                stop_fd=stop_fd,
                store_fd=store_fd,
                program=self._program,
                numactl=self._numactl,
            )
            child = start_child(
                argv,
                env=env,
                stdout=directory / "stdout.log",
                stderr=directory / "stderr.log",
                pass_fds=[fd for fd in (channel.child_fd, stop_fd, store_fd) if fd is not None],
            )
        except BaseException:
            channel.close()
            raise
        channel.release_child_end()
        self.members.append(
            Member(instance=instance, directory=directory, child=child, channel=channel, started_ns=time.monotonic_ns())
        )

    def end(self, is_urgent: Callable[[], bool]) -> None:
        """End all groups: politely, then, after a while or when it `is_urgent`, by SIGKILL."""
        for member in self.alive:
            member.child.signal_group(signal.SIGTERM)
        _wait(_TERM_GRACE_S, lambda: is_urgent() or all(member.child.has_ended() for member in self.alive))
        for member in self.alive:
            member.child.signal_group(signal.SIGKILL)  # all first: burying one may take a while
        for member in self.alive:
            member.bury()


def dump_stacks(members: Iterable[Member]) -> None:
    """Have each of `members` write the stacks of its threads into stderr.log (faulthandler, SIGUSR1).

    Only for those that have spoken: before, the signal's handler may not be there, and it would kill.
    """
    logs = [member.stderr_log for member in members]
    before = sizes = [log.stat().st_size for log in logs]
    for member in members:
        member.child.send(signal.SIGUSR1)
        member.child.send(signal.SIGCONT)  # someone may have stopped it, and it would stay silent

    def is_written() -> bool:
        nonlocal sizes
        last, sizes = sizes, [log.stat().st_size for log in logs]
        return sizes == last and all(size > old for size, old in zip(sizes, before, strict=True))

    _wait(_STACKS_S, is_written)


def _wait(limit_s: float, is_over: Callable[[], bool]) -> None:
    give_up = time.monotonic() + limit_s
    while not is_over() and time.monotonic() < give_up:
        time.sleep(_TICK_S)


def _make_directory(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True)
    except FileExistsError as error:
        raise RecordError(f"{directory} holds an earlier run; earlier results are never overwritten") from error
    except OSError as error:
        raise RecordError(f"cannot make {directory}: {error.strerror}") from error
    return directory
