"""How a launch failed, in one line each."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.errors import ExitCode, LaunchError
from pinbench.contract.plan import Instance
from pinbench.contract.result import InstanceResult


class InstanceError(LaunchError):
    """An instance spoiled the run. `results` holds one entry for each instance, for the record."""

    def __init__(self, message: str, results: Sequence[InstanceResult], exit_code: int | None = None) -> None:
        super().__init__(message)
        self.results = tuple(results)
        if exit_code in tuple(ExitCode) and exit_code != ExitCode.PASSED:
            self.exit_code = ExitCode(exit_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong, and with which instances; `exit_code` is the one that a child asked for."""

    message: str
    culprits: tuple[int, ...]
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """The end of one instance that nobody asked for."""

    instance: Instance
    returncode: int | None  # negative: killed by that signal; None: SIGKILL did not end it
    after_s: float
    phase: str
    words: str | None  # its own reason
    exit_code: int | None  # ... and the code that it named with it
    oom: str | None
    tail: str | None
    log: Path


def death(event: Death) -> Fault:
    """Return the fault of an instance that ended too early; its own words win over ours."""
    name = instance_name(event.instance)
    if event.words is not None:
        # Alone there is nobody to be told apart from, and the sentence is the child's own.
        message = event.words if event.instance.shards == 1 else f"{name}: {event.words}"
        return Fault(message=message, culprits=(event.instance.index,), exit_code=event.exit_code)
    parts = [f"{name} {ending(event.returncode)} after {event.after_s:.1f} s, during {event.phase}"]
    parts += filter(None, [event.oom, f"last lines: {event.tail}" if event.tail else None])
    parts.append(f"log: {event.log}")
    return Fault(message="; ".join(parts), culprits=(event.instance.index,), exit_code=event.returncode)


def silence(instance: Instance, phase: str, silent_s: float, log: Path) -> Fault:
    """Return the fault of an instance that lives but says nothing, not even that it lives."""
    message = f"{instance_name(instance)} hangs during {phase}: it has said nothing for {silent_s:.0f} s; stacks: {log}"
    return Fault(message=message, culprits=(instance.index,))


def deadline(deadline_s: float, phases: Mapping[int, str], logs: Sequence[Path]) -> Fault:
    """Return the fault of a run that passed its deadline with the instances of `phases` still at work."""
    by_phase: dict[str, list[int]] = {}
    for index, phase in phases.items():
        by_phase.setdefault(phase, []).append(index)
    where = ", ".join(
        f"instance{'s' if len(indexes) > 1 else ''} {format_cpu_list(indexes)} in {phase}"
        for phase, indexes in by_phase.items()
    )
    return Fault(
        message=f"the deadline of {deadline_s:g} s passed with {where}; stacks: {' '.join(map(str, logs))}",
        culprits=tuple(phases),
    )


def ending(returncode: int | None) -> str:
    """Return how a process ended, e.g. ``was killed by signal 9 (SIGKILL)``."""
    if returncode is None:
        return "hangs in the kernel and cannot be killed"
    if returncode < 0:
        return f"was killed by signal {-returncode} ({_signal_name(-returncode)})"
    return f"exited with code {returncode}" if returncode else "left early with code 0"


def instance_name(instance: Instance) -> str:
    """Return the instance as messages name it, e.g. ``instance 1 (cpus 4-7, node 0)``."""
    nodes = f"node{'s' if len(instance.memory_nodes) > 1 else ''} {format_cpu_list(instance.memory_nodes)}"
    return f"instance {instance.index} (cpus {format_cpu_list(instance.cpus)}, {nodes})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "real-time"
