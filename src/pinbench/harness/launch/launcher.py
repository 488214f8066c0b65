"""Starts the instances of a plan and brings back what they measured.

Nothing outlives a launch: whatever happens, the process group of every instance has ended when `launch` returns
or raises.
"""

import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import LaunchError
from pinbench.contract.plan import Plan
from pinbench.contract.result import InstanceResult
from pinbench.harness.launch.collect import read_results, results_after
from pinbench.harness.launch.command import WORKER, membind
from pinbench.harness.launch.crew import Crew
from pinbench.harness.launch.environment import child_environment
from pinbench.harness.launch.failure import InstanceError
from pinbench.harness.launch.interrupts import Interrupts
from pinbench.harness.launch.leader import Leader, Watcher
from pinbench.harness.launch.meeting_port import meeting_environment
from pinbench.harness.launch.process import reap_orphans, run_tool
from pinbench.harness.launch.stop_flag import StopFlag
from pinbench.harness.launch.stores import open_stores

SILENCE_LIMIT_S = 120.0  # a library that takes long to load may hold the interpreter, and its beat, for a minute
_PROBE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What the instances measured, and the window (CLOCK_MONOTONIC) from common start to the stop flag."""

    results: tuple[InstanceResult, ...]
    start_ns: int
    stop_ns: int


def launch(
    plan: Plan,
    directory: Path,
    *,
    base_env: Mapping[str, str],
    scrub: Collection[str] = (),
    program: Sequence[str] = WORKER,
    silence_limit_s: float = SILENCE_LIMIT_S,
    watcher: Watcher | None = None,
) -> Launched:
    """Run all instances of `plan`, each in its own ``instance-NNN`` under `directory`, and return their results.

    Args:
        plan: what to start.
        directory: where no earlier launch has left its instances.
        base_env: the environment that the children start from.
        scrub: prefixes of the names that they must not inherit from it.
        program: the argv of the worker, without its arguments.
        silence_limit_s: an instance that says nothing for so long hangs.
        watcher: is told of phases and of the window's edges.

    Raises:
        InstanceError: an instance died, hung, gave a reason why it cannot run, or left no result; or the
            deadline passed. Carries the results that there are, and the exit code that a child asked for.
        LaunchError: an instance could not be started.
        RecordError: the directory cannot be written.
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came.
    """
    crew = Crew(directory, program, find_numactl(plan, base_env))
    with Interrupts() as interrupts, StopFlag() as stop, ExitStack() as at_end:
        meeting = at_end.enter_context(meeting_environment(plan.instances))
        at_end.callback(reap_orphans)
        at_end.callback(crew.end, lambda: len(interrupts.caught) > 1)
        with open_stores(plan.instances) as stores:
            for instance in plan.instances:
                env = child_environment(base_env, scrub, {**instance.env, **meeting})
                store_fd = None if instance.store is None else stores[instance.store]
                crew.start(instance, env=env, stop_fd=stop.fd, store_fd=store_fd)
        leader = Leader(crew, stop, interrupts, watcher or Watcher(), plan.deadline_s, silence_limit_s)
        fault = leader.lead()
    if interrupts.caught:  # asked here, so that one that came while the crew was ended is not lost
        raise KeyboardInterrupt(interrupts.caught[0].name)
    results, fault = ((), fault) if fault is not None else read_results(crew.members)
    if fault is not None:
        raise InstanceError(fault.message, results_after(fault, crew.members), fault.exit_code)
    start_ns, stop_ns = leader.window_ns
    return Launched(results=results, start_ns=start_ns, stop_ns=stop_ns)


def find_numactl(plan: Plan, env: Mapping[str, str]) -> str | None:
    """Return numactl's path where it is of use: more than one node, and the kernel lets it set a policy.

    Containers commonly refuse the system call; numactl would then end the instance, which without it can still
    run with its memory placed by first touch.
    """
    if len(plan.topology.nodes) < 2:
        return None
    numactl = shutil.which("numactl", path=env.get("PATH"))
    if numactl is None:
        return None
    nodes = sorted({node for instance in plan.instances for node in instance.memory_nodes})
    try:
        probe = run_tool([*membind(numactl, nodes), "true"], timeout_s=_PROBE_S, env=env)
    except LaunchError:
        return None
    return numactl if probe.returncode == 0 else None
