"""The command lines for docker or podman, which share these words (docker-run(1), podman-run(1)). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pinbench.base.cpulist import format_cpu_list
from pinbench.base.errors import UsageError
from pinbench.base.units import MIB
from pinbench.contract.plan import Plan, WeightSource
from pinbench.harness.plan.memory import FREE_SHARE

EXPORT = "/export-logs"
LABEL = "pinbench"  # of every container that is started here; its value is the case

_SHM_BYTES = 64 * MIB  # what engines give by themselves; libraries besides the weights may use it
# Inside: the archive of the logs, whose reader waits for the end of the run; and one of what there is by now.
# script/image/entry keeps there what it will export.
EXPORT_COMMAND = ("cat", EXPORT)
SALVAGE_COMMAND = ("tar", "-C", "/tmp/pinbench", "-cf", "-", "logs", "benchmark.log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A path of the host that has the same name in the container."""

    path: str
    writable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container to be started."""

    name: str
    case: str
    image: str
    cpus: tuple[int, ...]
    memory_nodes: tuple[int, ...]
    shm_bytes: int
    words: tuple[str, ...]  # for the image's entry
    mounts: tuple[Mount, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    has_network: bool = False  # that of the host, for ranks on several hosts
    options: tuple[str, ...] = ()  # the user's own, last: they win


def container_for(
    plan: Plan,
    *,
    name: str,
    image: str,
    words: Sequence[str],
    mounts: Sequence[Mount] = (),
    variables: Mapping[str, str] | None = None,
    has_network: bool = False,
    options: Sequence[str] = (),
) -> Container:
    """Return the container for `plan`: just its CPUs and memory nodes, and shared memory for all its weights."""
    stores = sum(instance.weights is not WeightSource.MAP for instance in plan.instances)
    budget_bytes = max(instance.weight_budget_bytes for instance in plan.instances)
    return Container(
        name=name,
        case=plan.case.name,
        image=image,
        cpus=tuple(sorted({cpu for instance in plan.instances for cpu in instance.cpus})),
        memory_nodes=tuple(sorted({node for instance in plan.instances for node in instance.memory_nodes})),
        shm_bytes=_SHM_BYTES + stores * budget_bytes,  # a limit, not a reservation: tmpfs(5)
        words=tuple(words),
        mounts=tuple(mounts),
        variables=dict(variables or {}),
        has_network=has_network,
        options=tuple(options),
    )


def shm_limit_bytes(memory_bytes: int) -> int:
    """Return the shared memory for a container of `memory_bytes` that makes its own plan: all that weights may be."""
    return _SHM_BYTES + int(FREE_SHARE * memory_bytes)


def run_argv(engine: str, container: Container) -> list[str]:
    """Return the command that starts `container` and prints its id: without rights, root file system read-only.

    Raises:
        UsageError: a path cannot be mounted.
    """
    return [
        engine, "run", "--detach", "--pull=never", f"--name={container.name}", f"--label={LABEL}={container.case}",
        f"--cpuset-cpus={format_cpu_list(container.cpus)}", f"--cpuset-mems={format_cpu_list(container.memory_nodes)}",
        f"--shm-size={-(-container.shm_bytes // MIB)}m",
        "--read-only", "--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777",  # exec: operators compiled there are mapped
        "--cap-drop=ALL", "--security-opt=no-new-privileges",
        f"--network={'host' if container.has_network else 'none'}",
        "--no-healthcheck",  # it would run on the CPUs that are measured
        *(_mount(mount) for mount in container.mounts),
        *(f"--env={name}={value}" for name, value in container.variables.items()),
        *container.options, container.image, *container.words,
    ]  # fmt: skip


def export_argv(engine: str, name: str) -> list[str]:
    """Return the command whose output is the archive of the logs; it ends when the run has."""
    return [engine, "exec", name, *EXPORT_COMMAND]


def salvage_argv(engine: str, name: str) -> list[str]:
    """Return the command whose output is an archive of what there is by now, whole or not."""
    return [engine, "exec", name, *SALVAGE_COMMAND]


def follow_argv(engine: str, name: str) -> list[str]:
    """Return the command that shows what the container writes, from its start on, until its end."""
    return [engine, "logs", "--follow", name]


def tail_argv(engine: str, name: str, lines: int) -> list[str]:
    """Return the command that shows the last lines of what the container wrote."""
    return [engine, "logs", f"--tail={lines}", name]


def stop_argv(engine: str, name: str) -> list[str]:
    """Return the command that asks the container to end its run and to export what there is."""
    return [engine, "kill", "--signal=TERM", name]


def remove_argv(engine: str, name: str) -> list[str]:
    """Return the command after which nothing of the container is left, whether it runs or not."""
    return [engine, "rm", "--force", "--volumes", name]


def list_argv(engine: str) -> list[str]:
    """Return the command that lists all containers that were started here: name, state, image."""
    return [
        engine, "ps", "--all", f"--filter=label={LABEL}", "--format={{.Names}}\t{{.Status}}\t{{.Image}}",
    ]  # fmt: skip


def _mount(mount: Mount) -> str:
    if "," in mount.path or '"' in mount.path:  # the option is a line of CSV
        raise UsageError(f"{mount.path}: a path with a comma or a quote cannot be mounted; give it another name")
    return f"--mount=type=bind,source={mount.path},target={mount.path}{'' if mount.writable else ',readonly'}"
