"""One iteration where the build says: as processes of this host, or in a container."""

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.contract.case import Case
from pinbench.contract.plan import Plan
from pinbench.harness.backend import docker, native
from pinbench.harness.backend._outcome import Outcome
from pinbench.harness.case.image import host_paths, image_name
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.variables import TORCHRUN
from pinbench.harness.case.workload import Workload
from pinbench.harness.cli._build_folder import BuildSettings
from pinbench.harness.launch.container_argv import Mount, run_argv
from pinbench.harness.plan.ranks import is_distributed
from pinbench.harness.plan.threads import SCRUBBED_PREFIXES
from pinbench.harness.record.store import IterationDirectory

_ENGINE = "CONTAINER_ENGINE"  # stands above what cmake was told


def container_orders(
    workload: Workload, case: Case, platform: Platform, build: BuildSettings | None, environment: Mapping[str, str]
) -> docker.Orders | None:
    """Return how `case` runs in a container, None where the build does not ask for one.

    Raises:
        UsageError: the options for docker are no words of a shell, or no image is for this case.
    """
    if build is None or build.backend != docker.BACKEND:
        return None
    paths = [place for place in host_paths(workload, case) if place.written or Path(place.path).exists()]
    torchrun = {
        name: value for name, value in environment.items() if name in TORCHRUN or name.startswith("TORCHELASTIC_")
    }
    return docker.Orders(
        image=full_image_name(build, image_name(workload, case)),
        platform=platform.spelling,
        engine=container_engine(build, environment),
        registry=build.registry,
        pull_limit_s=float(build.timeout.partition(",")[2] or docker.PULL_LIMIT_S),
        options=_options(build.docker_options),
        mounts=tuple(Mount(path=place.path, writable=place.written) for place in paths),
        variables=torchrun if is_distributed(case) else {},
    )


def container_engine(build: BuildSettings, environment: Mapping[str, str]) -> str:
    """Return the engine that was chosen; empty where the first that works is meant."""
    return environment.get(_ENGINE) or build.container_engine


def full_image_name(build: BuildSettings, name: str) -> str:
    """Return the image `name` with the registry and the tag of the build."""
    return f"{build.registry}{name}{build.release}"


def run_backend(
    plan: Plan,
    iteration: IterationDirectory,
    orders: docker.Orders | None,
    *,
    reserve: bool,
    say: Callable[[str], None],
) -> Outcome:
    """Run one iteration, in a container by `orders`, or natively without; return what came of it.

    Raises:
        KeyboardInterrupt: a signal asked for the end; nothing runs any more.
    """
    if orders is not None:
        return docker.run(plan, iteration.path, orders, base_env=os.environ, say=say)
    return native.run(
        plan, iteration.instances_dir, base_env=os.environ, scrub=SCRUBBED_PREFIXES, say=say, reserve=reserve
    )


def container_line(plan: Plan, orders: docker.Orders) -> str:
    """Return the command that would start the container, for a dry run."""
    command = run_argv(orders.engine or "docker", docker.make_container(plan, orders, docker.container_name(plan.case)))
    return f"Container: {shlex.join(command)}"


def _options(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"DOCKER_OPTIONS={text}: {error}") from error
