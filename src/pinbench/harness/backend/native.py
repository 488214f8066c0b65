"""Instances as processes of this host."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from pinbench.base.errors import ExitCode, PinbenchError
from pinbench.base.units import ns_to_s
from pinbench.contract.host import HostLoad
from pinbench.contract.plan import Plan
from pinbench.contract.result import InstanceResult, Status
from pinbench.harness.backend._outcome import Outcome
from pinbench.harness.host.load import LoadCounters, load_between, read_cpu_time_s, read_load_counters
from pinbench.harness.launch.command import worker_program
from pinbench.harness.launch.failure import InstanceError
from pinbench.harness.launch.interpreter import interpreter_for
from pinbench.harness.launch.launcher import launch
from pinbench.harness.launch.leader import Watcher
from pinbench.harness.launch.reservation import reserve_cpus

# How long a run waits for another one that measures on the same cores; a full case takes a few minutes.
RESERVATION_LIMIT_S = 1800.0


class _WindowLoad:
    """Reads the host's counters at both edges of the measured window."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._before: tuple[LoadCounters, float | None] | None = None
        self.load: HostLoad | None = None

    def open(self, pids: Sequence[int]) -> None:
        self._before = (read_load_counters(), read_cpu_time_s(pids))
        self._say("region of interest: begin")

    def close(self, pids: Sequence[int]) -> None:
        after, own_after_s = read_load_counters(), read_cpu_time_s(pids)
        self._say("region of interest: end")
        if self._before is not None:
            before, own_before_s = self._before
            own_s = None if own_before_s is None or own_after_s is None else own_after_s - own_before_s
            self.load = load_between(before, after, own_s)


def run(
    plan: Plan,
    directory: Path,
    *,
    base_env: Mapping[str, str],
    scrub: Collection[str],
    say: Callable[[str], None],
    reserve: bool = True,
) -> Outcome:
    """Launch `plan`, alone on its cores, and return what came of it.

    Args:
        plan: what to start.
        directory: gets ``instance-NNN`` for each instance.
        base_env: the environment that the children start from.
        scrub: prefixes of the names that they must not inherit from it.
        say: is given a line for the log whenever something begins or ends.
        reserve: whether to keep other runs off these cores; not where the caller outside of a container does.

    Raises:
        KeyboardInterrupt: a signal asked for the end; no instance is left.
    """
    begin_ns = time.monotonic_ns()
    window = _WindowLoad(say)
    watcher = Watcher(
        on_phase=lambda index, phase: say(f"instance {index}: {phase}"),
        on_window_open=window.open,
        on_window_close=window.close,
    )
    cpus = [cpu for instance in plan.instances for cpu in instance.cpus]
    status, failure, exit_code = Status.PASSED, None, ExitCode.PASSED
    results: tuple[InstanceResult, ...] = ()
    try:
        with (
            reserve_cpus(plan.topology, cpus, timeout_s=RESERVATION_LIMIT_S, on_wait=say) if reserve else nullcontext()
        ):
            program = worker_program(interpreter_for(plan.case.knobs.engine))
            launched = launch(plan, directory, base_env=base_env, scrub=scrub, program=program, watcher=watcher)
            results = launched.results
    except PinbenchError as error:
        results = error.results if isinstance(error, InstanceError) else ()
        failure, exit_code = str(error), error.exit_code
        status = Status.SKIPPED if exit_code is ExitCode.SKIPPED else Status.FAILED
    return Outcome(
        status=status,
        failure=failure,
        exit_code=exit_code,
        results=results,
        load=window.load,
        elapsed_s=ns_to_s(time.monotonic_ns() - begin_ns),
    )
