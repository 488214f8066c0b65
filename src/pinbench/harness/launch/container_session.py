"""A container from its start to its end: what it says is kept as it comes, and its logs as far as they go.

Whatever happens, the container is gone afterwards and what there was of its logs lies on the host.
"""

import selectors
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import LaunchError
from pinbench.harness.launch.archive import unpack
from pinbench.harness.launch.container_argv import (
    Container,
    export_argv,
    follow_argv,
    run_argv,
    salvage_argv,
    stop_argv,
)
from pinbench.harness.launch.container_engine import Engine
from pinbench.harness.launch.interrupts import Interrupts
from pinbench.harness.launch.process import Child, run_tool, start_child

OBEY_S = 20.0
_TICK_S = 0.5
_EARLY_S = 10.0  # of a container that has just started, the pipe may not be there yet
_REAP_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to wait, in seconds."""

    run_s: float  # for the logs of the whole run
    obey_s: float = OBEY_S  # for the logs of a run that was asked to end
    start_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where a session writes."""

    console: Path  # gets what the container writes
    work: Path  # for archives on their way
    logs: Path  # gets the content of the archive; not there before


class _Console:
    """Reads the file that the engine writes the container's words into, and hands on whole lines."""

    def __init__(self, path: Path, on_line: Callable[[str], None]) -> None:
        self._path = path
        self._on_line = on_line
        self._offset = 0

    def look(self, *, is_end: bool = False) -> None:
        """Hand on the lines that have come since the last look, at the end also one without a line break."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data if is_end else data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode("utf-8", errors="replace").splitlines():
            self._on_line(line)


class Session:
    """One container; `run` may be called once."""

    def __init__(
        self,
        engine: Engine,
        container: Container,
        *,
        folders: Folders,
        limits: Limits,
        env: Mapping[str, str],
        interrupts: Interrupts,
        on_line: Callable[[str], None],
    ) -> None:
        """Take what `run` needs.

        Args:
            engine: runs it.
            container: what to start.
            folders: where its words and logs go.
            limits: in seconds.
            env: of the engine's program.
            interrupts: entered; a signal ends the run, and the logs of what there was are fetched.
            on_line: is given what the container writes, line by line, while it runs.
        """
        self._engine = engine
        self._container = container
        self._folders = folders
        self._limits = limits
        self._env = env
        self._interrupts = interrupts
        self._console = _Console(folders.console, on_line)

    def run(self) -> None:
        """Run the container until its logs are here, and remove it.

        Raises:
            LaunchError: it cannot be started, dies, or passes its limit. What there was of its logs is here.
            KeyboardInterrupt: a signal came. Likewise.
        """
        reason, name = None, self._container.name
        try:
            self._engine.ask(run_argv(self._engine.program, self._container), self._limits.start_s)
            followed = self._start(follow_argv(self._engine.program, name), self._folders.console)
            try:
                reason = self._fetch()
            finally:
                followed.await_end(_TICK_S)  # of a container that has died; one that lives says nothing more
                followed.reap(_REAP_S)
                self._console.look(is_end=True)
                _drop_if_empty(_errors(self._folders.console))
        finally:
            self._engine.remove(name)
        if self._interrupts.caught:
            raise KeyboardInterrupt(self._interrupts.caught[0].name)
        if reason is not None:
            raise LaunchError(reason)

    def _fetch(self) -> str | None:
        """Bring the logs here; return why they are not those of a run that ended by itself, or None."""
        begin = time.monotonic()
        while True:
            code, reason = self._export(begin + self._limits.run_s)
            if code == 0 or reason is not None:
                return reason
            ending = self._engine.ending(self._container.name)
            if ending is not None or time.monotonic() > begin + _EARLY_S:
                return f"the container {ending or 'gives no logs'}; its words: {self._folders.console}"
            time.sleep(_TICK_S)

    def _export(self, give_up: float) -> tuple[int | None, str | None]:
        """Return the exit code of one attempt to read the logs, and what is wrong with the run or with them."""
        archive, engine, name = self._folders.work / ".export.tar", self._engine, self._container.name
        export = self._start(export_argv(engine.program, name), archive)
        try:
            reason = self._await(export, give_up)
            if reason is not None:
                run_tool(stop_argv(engine.program, name), timeout_s=self._limits.start_s)  # it may have died by now
                self._await(export, time.monotonic() + self._limits.obey_s)
        finally:
            code = export.reap(_REAP_S)
        is_whole = code == 0 and unpack(archive, self._folders.logs)
        if reason is not None and not is_whole:
            self._salvage()
        elif code == 0 and not is_whole:
            reason = f"the archive of container {name} is torn"
        archive.unlink()
        _errors(archive).unlink()  # the next attempt, or the ending of the container, tells more
        return code, reason

    def _await(self, export: Child, give_up: float) -> str | None:
        """Return None when the export has ended, the reason when a signal or the deadline has come before."""
        known = len(self._interrupts.caught)  # those before have been acted upon
        with selectors.DefaultSelector() as selector:
            selector.register(self._interrupts, selectors.EVENT_READ)
            if export.death_fd is not None:
                selector.register(export.death_fd, selectors.EVENT_READ)
            while not export.has_ended():
                selector.select(_TICK_S)
                self._interrupts.drain()
                self._console.look()
                if len(self._interrupts.caught) > known:
                    return f"interrupted {self._interrupts.caught[0].name}"
                if time.monotonic() > give_up:
                    return f"the container did not end within {self._limits.run_s:g} s, more than its own deadline"
        return None

    def _salvage(self) -> None:
        """Fetch what lies in the container now: its entry does not give it any more."""
        archive = self._folders.work / ".salvage.tar"
        reader = self._start(salvage_argv(self._engine.program, self._container.name), archive)
        try:
            reader.await_end(self._limits.obey_s)
        finally:
            reader.reap(_REAP_S)
        unpack(archive, self._folders.logs)
        archive.unlink()
        _errors(archive).unlink()

    def _start(self, argv: list[str], stdout: Path) -> Child:
        return start_child(argv, env=self._env, stdout=stdout, stderr=_errors(stdout), pass_fds=())


def _errors(output: Path) -> Path:
    return output.with_name(f"{output.name}.err")


def _drop_if_empty(path: Path) -> None:
    if path.stat().st_size == 0:
        path.unlink()
