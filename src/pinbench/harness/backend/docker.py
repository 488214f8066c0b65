"""Instances in a container of the workload's image, run by docker or podman of this host (or one that it leads to).

The container runs one iteration by its own means, as `docker run` by hand would; this side chooses its CPUs and memory
nodes, keeps others away from them, and takes over what it recorded.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pinbench.base.errors import ExitCode, PinbenchError
from pinbench.base.units import NS_PER_MS
from pinbench.contract.case import Case
from pinbench.contract.plan import Plan
from pinbench.harness.backend._inside import (
    container_words,
    folders_in,
    outcome,
    take_over,
    verdict,
    without_block,
)
from pinbench.harness.backend._outcome import Outcome
from pinbench.harness.backend.native import RESERVATION_LIMIT_S
from pinbench.harness.launch.container_argv import Container, Mount, container_for
from pinbench.harness.launch.container_engine import Engine, find_engine
from pinbench.harness.launch.container_session import OBEY_S, Limits, Session
from pinbench.harness.launch.interrupts import Interrupts
from pinbench.harness.launch.reservation import reserve_cpus

BACKEND = "docker"  # what cmake calls it
PULL_LIMIT_S = 600.0
GRACE_S = 180.0  # beyond the deadline that the container itself keeps: to start, and to write what it has


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the build and the command line say of containers."""

    image: str  # with registry and tag
    platform: str  # as the user spelt it
    engine: str = ""  # a program; empty: docker or podman, whichever works
    registry: str = ""
    pull_limit_s: float = PULL_LIMIT_S
    options: tuple[str, ...] = ()  # words for `docker run`, the user's own
    mounts: tuple[Mount, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)  # of torchrun, for ranks on several hosts
    grace_s: float = GRACE_S
    obey_s: float = OBEY_S


def run(
    plan: Plan,
    iteration: Path,
    orders: Orders,
    *,
    base_env: Mapping[str, str],
    say: Callable[[str], None],
) -> Outcome:
    """Run `plan` in a container, alone on its cores, and return what came of it.

    Args:
        plan: where the container may run; inside, the same plan is made again.
        iteration: the folder of this iteration; gets ``instance-NNN`` and what else came out.
        orders: which image, and how.
        base_env: the environment of the engine's program.
        say: is given a line for the log whenever something begins, ends or is said in the container.

    Raises:
        KeyboardInterrupt: a signal asked for the end; no container is left.
    """
    begin_ns = time.monotonic_ns()
    container, inside = None, None
    failure, exit_code = None, ExitCode.PASSED
    try:
        engine = find_engine(orders.engine)
        container = engine.require_image(orders.image, registry=orders.registry, pull_limit_s=orders.pull_limit_s)
        say(f"{container.engine} runs {container.image} ({container.digest or container.image_id})")
        cpus = [cpu for instance in plan.instances for cpu in instance.cpus]
        with reserve_cpus(plan.topology, cpus, timeout_s=RESERVATION_LIMIT_S, on_wait=say):
            try:
                _run_session(plan, iteration, orders, engine, base_env, say)
            finally:
                inside = take_over(iteration)
        failure, exit_code = verdict(plan.case, iteration, inside)
    except PinbenchError as error:
        failure, exit_code = str(error), error.exit_code
    return outcome(begin_ns=begin_ns, failure=failure, exit_code=exit_code, inside=inside, container=container)


def container_name(case: Case) -> str:
    """Return a name that no other container has, and that tells people whose it is."""
    return f"pinbench-{case.name}-{os.getpid()}-{time.time_ns() // NS_PER_MS % 10**8}"


def make_container(plan: Plan, orders: Orders, name: str) -> Container:
    """Return the container that `run` starts for `plan`."""
    return container_for(
        plan,
        name=name,
        image=orders.image,
        words=container_words(plan.case, orders.platform),
        mounts=orders.mounts,
        variables=orders.variables,
        has_network=bool(orders.variables),
        options=orders.options,
    )


def _run_session(
    plan: Plan,
    iteration: Path,
    orders: Orders,
    engine: Engine,
    base_env: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    limits = Limits(run_s=plan.deadline_s + orders.grace_s, obey_s=orders.obey_s)
    container = make_container(plan, orders, container_name(plan.case))
    with Interrupts() as interrupts:
        Session(
            engine,
            container,
            folders=folders_in(iteration),
            limits=limits,
            env=base_env,
            interrupts=interrupts,
            on_line=without_block(say),
        ).run()
