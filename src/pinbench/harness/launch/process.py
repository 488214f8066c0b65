"""Child processes, each the leader of its own group: the only module that imports subprocess."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pinbench.base.errors import LaunchError

_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
_TICK_S = 0.01
_FORWARDED = (signal.SIGINT, signal.SIGTERM)  # to a job


class Job:
    """A running program that cleans up by itself, in a process group of its own, with our stdout or with pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self.output = None if process.stdout is None else os.dup(process.stdout.fileno())  # the caller closes it
        if process.stdout is not None:
            process.stdout.close()
        self._process = process

    def send(self, number: signal.Signals) -> None:
        """Send `number` to the program alone; what it started ends with it."""
        self._process.send_signal(number)  # which does nothing once it has been reaped

    def code(self) -> int | None:
        """Return the exit code, 128 + n when signal n ended it, None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code


class Child:
    """A running process and everything that it starts, as long as they stay in its group."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self.death_fd = _pidfd(process.pid)  # readable when the process has ended; None on a kernel without it
        self._process = process

    def has_ended(self) -> bool:
        """Return whether the process has ended; it stays a zombie, so that its id and group are still its own."""
        if self._process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def await_end(self, timeout_s: float) -> bool:
        """Wait for the process to end by itself, `timeout_s` at the most; return whether it has."""
        give_up = time.monotonic() + timeout_s
        while not self.has_ended() and time.monotonic() < give_up:
            time.sleep(_TICK_S)
        return self.has_ended()

    def send(self, number: signal.Signals) -> None:
        """Send `number` to the process alone."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        """Send `number` to the process and all of its group; nothing happens when it has been reaped."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def reap(self, timeout_s: float) -> int | None:
        """End what is left of the group and return the exit status (negative: a signal), None when it stays.

        A process that SIGKILL does not end hangs in the kernel (state D, commonly a dead file system).
        """
        self.signal_group(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        if self.death_fd is not None:
            os.close(self.death_fd)
            self.death_fd = None
        return self._process.returncode


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """How a tool ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


def start_child(
    argv: Sequence[str], *, env: Mapping[str, str], stdout: Path, stderr: Path, pass_fds: Collection[int]
) -> Child:
    """Start `argv` in a session of its own; it dies with this process and inherits `pass_fds` only.

    Raises:
        LaunchError: the program cannot be started, or a log file cannot be written.
    """
    try:
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen(
                argv,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
                preexec_fn=_die_with(os.getpid(), signal.SIGKILL),
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchError(f"cannot start {argv[0]}: {error}") from error
    return Child(process)


def start_piped(argv: Sequence[str], *, env: Mapping[str, str]) -> tuple[Child, int]:
    """Start `argv` in a process group of its own; return it and what reads all that it writes, to be closed.

    The group keeps a terminal's Ctrl-C from reaching it past us.

    Raises:
        LaunchError: the program cannot be started.
    """
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(
            argv, env=dict(env), stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, process_group=0
        )
    except OSError as error:
        os.close(reader)
        raise LaunchError(f"cannot start {argv[0]}: {error.strerror}") from error
    finally:
        os.close(writer)
    return Child(process), reader


def run_tool(
    argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> ToolResult:
    """Run a short-lived tool to its end and return what it said; its exit code is the caller's to judge.

    Raises:
        LaunchError: the tool does not exist, or takes longer than `timeout_s`.
    """
    try:
        done = subprocess.run(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=timeout_s, check=False,
        )  # fmt: skip
    except OSError as error:
        raise LaunchError(f"cannot run {argv[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise LaunchError(f"{argv[0]} took longer than {timeout_s:g} s: {' '.join(argv)}") from error
    return ToolResult(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


def run_job(argv: Sequence[str], *, reads_stdin: bool = False, env: Mapping[str, str] | None = None) -> int:
    """Run `argv` with our stdout and stderr and return its exit code, 128 + n when signal n ended it.

    Its environment is `env`, None: ours.

    Our stdin is the job's if it `reads_stdin`; a terminal would stop it there, for its group is not the foreground's.

    SIGINT and SIGTERM go to the job, once each time, and we wait until it has cleaned up. A process group of its own
    keeps a terminal's Ctrl-C from reaching the job a second time, in the middle of that.

    Raises:
        LaunchError: the program cannot be started.
    """
    try:
        stdin = None if reads_stdin else subprocess.DEVNULL
        job = subprocess.Popen(list(argv), stdin=stdin, process_group=0, env=None if env is None else dict(env))
    except OSError as error:
        raise LaunchError(f"cannot start {argv[0]}: {error.strerror}") from error

    def forward(number: int, frame: FrameType | None) -> None:
        job.send_signal(number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        code = job.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def start_job(argv: Sequence[str], *, env: Mapping[str, str], captured: bool) -> Job:
    """Start `argv`, which gets SIGTERM when this process dies; `captured`: its output comes by a pipe.

    Raises:
        LaunchError: the program cannot be started.
    """
    try:
        process = subprocess.Popen(
            list(argv), env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if captured else None,
            stderr=subprocess.STDOUT if captured else None, process_group=0,
            preexec_fn=_die_with(os.getpid(), signal.SIGTERM),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchError(f"cannot start {argv[0]}: {error}") from error
    return Job(process)


def start_detached(argv: Sequence[str], *, env: Mapping[str, str], log: Path) -> int:
    """Start `argv` in a session of its own, where it outlives us and our terminal; return its process id.

    Its output is appended to `log`.

    Raises:
        LaunchError: the program cannot be started, or `log` cannot be written.
    """
    try:
        with log.open("ab") as out:
            process = subprocess.Popen(
                list(argv), env=dict(env), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
    except OSError as error:
        raise LaunchError(f"cannot start {argv[0]} with its output in {log}: {error.strerror}") from error
    process.returncode = 0  # we do not wait for it, and Python shall not ask us to
    return process.pid


def end_with_parent() -> None:
    """Have SIGTERM sent to this process when the one that started it ends, however it ends; see prctl(2)."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:  # it died before the call above
        os.kill(os.getpid(), signal.SIGTERM)


def reap_orphans() -> None:
    """Where this process is PID 1 of a container, collect the dead that it was left with.

    The kernel gives every orphan of the container to PID 1, and nobody else can remove its zombie. Only to be
    called when no child of our own is left to be reaped.
    """
    if os.getpid() != 1:
        return
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None  # before Linux 5.3, or in a sandbox: the launcher then looks several times a second


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    """Return what the child does between fork and exec so that no death of `parent` leaves it behind: it gets `number`.

    prctl(2): the signal comes when the *thread* that forked ends, and survives an exec of an ordinary program.
    """
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call above, which then waits for another parent's death
            os._exit(1)

    return prepare
