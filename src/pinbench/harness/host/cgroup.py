"""What the control groups of this process allow: CPUs, memory and CPU time; version 1, 2 and both at once.

The process's groups stand in /proc/self/cgroup, the place where a hierarchy is mounted in /proc/self/mountinfo
(cgroups(7), proc_pid_mountinfo(5)). A limit of an ancestor holds too, so each value is the least on the way up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pinbench.harness.host.cpulist import parse_cpu_list
from pinbench.harness.host.kernelfile import read_int, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupLimits:
    """What the groups grant. None: no group limits it."""

    cpus: tuple[int, ...] | None
    memory_nodes: tuple[int, ...] | None
    memory_limit_bytes: int | None
    memory_remaining_bytes: int | None  # limit - usage + reclaimable file pages
    cpu_quota: float | None  # CPUs' worth of time a period


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    point: Path  # below the root that was asked for
    group: PurePosixPath  # the group that is visible at `point`
    controllers: frozenset[str]  # empty for version 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    """This process's group for one controller and the group's ancestors, innermost first."""

    version: int
    directories: tuple[Path, ...]


def read_cgroup_limits(root: Path, machine_bytes: int | None) -> CgroupLimits:
    """Return what the groups of this process grant.

    Args:
        root: where /proc and /sys lie; the paths that they name are looked up below it too.
        machine_bytes: the machine's memory; a limit that is no lower is none. Version 1 writes "unlimited" as
            the largest multiple of the page size, version 2 as "max".
    """
    cpusets = _find(root, "cpuset")
    limits = [
        limit for limit in _memory_limits(_find(root, "memory")) if machine_bytes is None or limit[0] < machine_bytes
    ]
    return CgroupLimits(
        cpus=_cpuset(cpusets, "cpus"),
        memory_nodes=_cpuset(cpusets, "mems"),
        memory_limit_bytes=min((limit for limit, _ in limits), default=None),
        memory_remaining_bytes=min((remaining for _, remaining in limits), default=None),
        cpu_quota=min(_quotas(_find(root, "cpu")), default=None),
    )


def read_group_paths(root: Path) -> tuple[str, ...]:
    """Return the paths of this process's groups in all hierarchies, e.g. ``/docker/6ea1...``."""
    return tuple(str(path) for path in _memberships(root).values())


def _find(root: Path, controller: str) -> _Groups:
    memberships = _memberships(root)
    # In the hybrid layout a controller belongs to version 1 when /proc/self/cgroup lists it there.
    version, name = (1, controller) if controller in memberships else (2, "")
    for mount in _mounts(root):
        matches = controller in mount.controllers if version == 1 else not mount.controllers
        if matches and name in memberships:
            return _Groups(version=version, directories=tuple(_upwards(mount, memberships[name])))
    return _Groups(version=version, directories=())


def _memberships(root: Path) -> dict[str, PurePosixPath]:
    """Return controller -> group; the controller ``""`` stands for version 2."""
    found: dict[str, PurePosixPath] = {}
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in [""] if hierarchy == "0" else controllers.split(","):
            found[controller] = PurePosixPath(path)
    return found


def _mounts(root: Path) -> Iterator[_Mount]:
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        mounted, kind = before.split(), after.split()
        if len(mounted) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        controllers = frozenset(kind[2].split(",")) if kind[0] == "cgroup" else frozenset[str]()
        point = root / _unescape(mounted[4]).lstrip("/")
        yield _Mount(point=point, group=PurePosixPath(_unescape(mounted[3])), controllers=controllers)


def _unescape(field: str) -> str:
    """Undo the octal escapes of space, tab, newline and backslash."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _upwards(mount: _Mount, group: PurePosixPath) -> Iterator[Path]:
    # A group outside of what is mounted (a cgroup namespace shows it as /../x): only the mount's own root is visible.
    inside = group.is_relative_to(mount.group) and ".." not in group.parts
    directory = mount.point / group.relative_to(mount.group) if inside else mount.point
    yield directory
    while directory != mount.point:
        directory = directory.parent
        yield directory


def _cpuset(groups: _Groups, kind: str) -> tuple[int, ...] | None:
    """Return the list of the innermost group that has one: the effective list holds the ancestors' limits already."""
    # Version 1 before Linux 3.17 has no effective list; there the plain one is what holds.
    names = (f"cpuset.{kind}.effective",) if groups.version == 2 else (f"cpuset.effective_{kind}", f"cpuset.{kind}")
    for directory in groups.directories:
        for name in names:
            if text := read_text(directory / name):
                return parse_cpu_list(text)
    return None


def _memory_limits(groups: _Groups) -> Iterator[tuple[int, int]]:
    """Yield (limit, what remains of it), in bytes, of each group that has a limit."""
    names = (
        ("memory.max", "memory.current") if groups.version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    )
    for directory in groups.directories:
        limit = read_int(directory / names[0])  # "max" is no number
        if limit is None:
            continue
        stat = _read_stat(directory / "memory.stat")
        prefix = "" if groups.version == 2 else "total_"  # version 1: with the children
        reclaimable = stat.get(f"{prefix}inactive_file", 0) + stat.get(f"{prefix}active_file", 0)
        used = (read_int(directory / names[1]) or 0) - reclaimable
        # Version 1 says here what an ancestor that this mount does not show leaves.
        limit = min(limit, stat.get("hierarchical_memory_limit", limit))
        yield limit, max(0, limit - max(0, used))


def _read_stat(path: Path) -> dict[str, int]:
    words = (line.split() for line in (read_text(path) or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdecimal()}


def _quotas(groups: _Groups) -> Iterator[float]:
    for directory in groups.directories:
        if groups.version == 2:
            quota, _, period = (read_text(directory / "cpu.max") or "").partition(" ")
        else:
            quota = read_text(directory / "cpu.cfs_quota_us") or ""
            period = read_text(directory / "cpu.cfs_period_us") or ""
        if quota.isdecimal() and period.isdecimal():  # unlimited is "max" or -1
            yield int(quota) / int(period)
