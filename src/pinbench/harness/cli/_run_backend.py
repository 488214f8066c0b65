"""One iteration where the build says: as processes of this host, in a container, or in a pod of a cluster."""

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.contract.case import Case
from pinbench.contract.plan import Plan
from pinbench.harness.backend import docker, kubernetes, native
from pinbench.harness.backend._outcome import Outcome
from pinbench.harness.case.image import host_paths, image_name
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.variables import TORCHRUN
from pinbench.harness.case.workload import Workload
from pinbench.harness.cli._build_folder import BuildSettings
from pinbench.harness.launch.container_argv import Mount, run_argv
from pinbench.harness.launch.pod_options import read_pod_options
from pinbench.harness.plan.ranks import is_distributed
from pinbench.harness.plan.threads import SCRUBBED_PREFIXES
from pinbench.harness.record.store import IterationDirectory

_ENGINE = "CONTAINER_ENGINE"  # stands above what cmake was told


def orders_for(
    workload: Workload, case: Case, platform: Platform, build: BuildSettings | None, environment: Mapping[str, str]
) -> docker.Orders | kubernetes.Orders | None:
    """Return how `case` runs in a container or a pod, None where the build does not ask for one.

    Raises:
        UsageError: the options for docker or Kubernetes make no sense, or no image is for this case.
    """
    if build is not None and build.backend == docker.BACKEND:
        return _container_orders(workload, case, platform, build, environment)
    if build is not None and build.backend == kubernetes.BACKEND:
        return _pod_orders(workload, case, platform, build, environment)
    return None


def _container_orders(
    workload: Workload, case: Case, platform: Platform, build: BuildSettings, environment: Mapping[str, str]
) -> docker.Orders:
    paths = [place for place in host_paths(workload, case) if place.written or Path(place.path).exists()]
    return docker.Orders(
        image=full_image_name(build, image_name(workload, case)),
        platform=platform.spelling,
        engine=container_engine(build, environment),
        registry=build.registry,
        pull_limit_s=_pull_limit_s(build),
        options=_options(build.docker_options),
        mounts=tuple(Mount(path=place.path, writable=place.written) for place in paths),
        variables=_torchrun(environment) if is_distributed(case) else {},
    )


def _pod_orders(
    workload: Workload, case: Case, platform: Platform, build: BuildSettings, environment: Mapping[str, str]
) -> kubernetes.Orders:
    if is_distributed(case) and _torchrun(environment):
        raise UsageError(
            "BACKEND=kubernetes measures a case in one pod; what torchrun starts on several hosts needs BACKEND=native "
            "or docker"
        )
    options = read_pod_options(build.kubernetes_options)
    kubernetes.require_room(case, options)
    return kubernetes.Orders(
        image=full_image_name(build, image_name(workload, case)),
        platform=platform,
        options=options,
        limits=kubernetes.limits_for(case, options, _pull_limit_s(build)),
    )


def container_engine(build: BuildSettings, environment: Mapping[str, str]) -> str:
    """Return the engine that was chosen; empty where the first that works is meant."""
    return environment.get(_ENGINE) or build.container_engine


def full_image_name(build: BuildSettings, name: str) -> str:
    """Return the image `name` with the registry and the tag of the build."""
    return f"{build.registry}{name}{build.release}"


def run_backend(
    case: Case,
    plan: Plan | None,
    iteration: IterationDirectory,
    orders: docker.Orders | kubernetes.Orders | None,
    *,
    reserve: bool,
    say: Callable[[str], None],
) -> Outcome:
    """Run one iteration, in a container or pod by `orders`, or natively without; return what came of it.

    `plan` is None for a pod alone, which makes its own.

    Raises:
        KeyboardInterrupt: a signal asked for the end; nothing runs any more.
    """
    if isinstance(orders, kubernetes.Orders):
        return kubernetes.run(case, iteration.path, orders, say=say)
    assert plan is not None, "what runs on this host has its plan"
    if orders is not None:
        return docker.run(plan, iteration.path, orders, base_env=os.environ, say=say)
    return native.run(
        plan, iteration.instances_dir, base_env=os.environ, scrub=SCRUBBED_PREFIXES, say=say, reserve=reserve
    )


def dry_lines(case: Case, plan: Plan | None, orders: docker.Orders | kubernetes.Orders) -> str:
    """Return the command that would start the container, or what the cluster would be asked for."""
    if isinstance(orders, kubernetes.Orders):
        return kubernetes.dry_text(case, orders)
    assert plan is not None, "what runs on this host has its plan"
    command = run_argv(orders.engine or "docker", docker.make_container(plan, orders, docker.container_name(plan.case)))
    return f"Container: {shlex.join(command)}\n"


def _pull_limit_s(build: BuildSettings) -> float:
    return float(build.timeout.partition(",")[2] or docker.PULL_LIMIT_S)


def _torchrun(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name in TORCHRUN or name.startswith("TORCHELASTIC_")}


def _options(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"DOCKER_OPTIONS={text}: {error}") from error
