"""Platforms: their names and aliases, which CPU is which, and what each one can compute."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pinbench.base.errors import UsageError
from pinbench.contract.host import HostFacts
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.strict_yaml import entries, fields, read_yaml, text, texts, whole

_MODEL_RANGE = re.compile(r"(0[xX][0-9a-fA-F]+)-(0[xX][0-9a-fA-F]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSignature:
    """What the CPUs of a platform have in common in /proc/cpuinfo; all of it must hold."""

    vendor: str
    family: int | None  # Arm has none
    models: tuple[range, ...]
    flags: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def fits(self, facts: HostFacts) -> bool:
        """Whether the host's CPU is one of these."""
        return (
            facts.vendor == self.vendor
            and facts.family == self.family
            and any(facts.model in models for models in self.models)
            and self.flags <= set(facts.flags)
            and not self.without & set(facts.flags)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A platform as asked for: `isa` is what its cases may count on, in the words of /proc/cpuinfo."""

    name: str
    title: str
    architecture: str
    isa: frozenset[str]
    identified_by: tuple[CpuSignature, ...] = ()
    generic: bool = False
    alias: str = ""  # the name that was asked for, when it is not `name`
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of each precision label

    @property
    def display(self) -> str:
        """The name as CMake shows it, e.g. ``ARMv9 (GRAVITON4)``."""
        return f"{self.name} ({self.alias})" if self.alias else self.name

    @property
    def spelling(self) -> str:
        """The name to ask for in order to get this platform again."""
        return self.alias or self.name

    def lacks(self, label: str) -> tuple[str, ...]:
        """Return what the precision `label` (``amx_bfloat16``) needs and this platform does not have."""
        groups = (entry.split("|") for entry in self.needs.get(label, ()))
        return tuple(" or ".join(group) for group in groups if not self.isa.intersection(group))


@dataclass(frozen=True, slots=True, kw_only=True)
class Platforms:
    """All platforms of platforms.yaml, in its order."""

    by_name: Mapping[str, Platform]
    aliases: Mapping[str, str]

    def choose(self, name: str, host: HostFacts) -> Platform:
        """Return the platform that `name` means, or the host's own where it is empty.

        Raises:
            UsageError: there is no such platform, or none for this host.
        """
        return self.resolve(name, host) if name else self.identify(host)

    def resolve(self, name: str, host: HostFacts | None = None) -> Platform:
        """Return the platform that `name` or alias means; a generic one takes its instruction sets from `host`.

        Raises:
            UsageError: there is no such platform; lists the legal names.
        """
        if name in self.aliases:
            return replace(self.by_name[self.aliases[name]], alias=name)
        if name not in self.by_name:
            names = [*self.by_name, *self.aliases]
            raise UsageError(f"no platform named {name!r} (legal: {', '.join(names)}){hint(name, names)}")
        platform = self.by_name[name]
        if platform.generic and host is not None and host.architecture == platform.architecture:
            return replace(platform, isa=frozenset(host.flags))
        return platform

    def identify(self, host: HostFacts) -> Platform:
        """Return the platform of the host: the one whose signature fits, else the generic one of its architecture.

        A virtual machine may show another model than the metal's, or fewer flags: it is then what it shows.

        Raises:
            UsageError: the host is of an architecture that has no platform.
        """
        for platform in self.by_name.values():
            if any(signature.fits(host) for signature in platform.identified_by):
                return platform
        for platform in self.by_name.values():
            if platform.generic and platform.architecture == host.architecture:
                return self.resolve(platform.name, host)
        raise UsageError(f"no platform is known for the architecture {host.architecture!r}; name one with PLATFORM=")


def load_platforms(path: Path = WORKLOAD_ROOT / "platforms.yaml") -> Platforms:
    """Return the platforms that `path` declares.

    Raises:
        UsageError: the file cannot be read or holds something unknown; names the key.
    """
    data = fields(read_yaml(path), str(path), required=("platforms", "aliases", "precisions"))
    precisions = fields(data["precisions"], f"{path}: precisions", optional=None)
    needs = {label: texts(flags, f"{path}: precisions: {label}") for label, flags in precisions.items()}
    declared = fields(data["platforms"], f"{path}: platforms", optional=None)
    by_name = {name: _platform(name, entry, f"{path}: {name}", needs) for name, entry in declared.items()}
    aliases = fields(data["aliases"], f"{path}: aliases", optional=None)
    for alias, name in aliases.items():
        if name not in by_name or alias in by_name:
            raise UsageError(f"{path}: aliases: {alias}: {name!r} must be a platform, and {alias!r} must not be one")
    return Platforms(by_name=by_name, aliases=dict(aliases))


def _platform(name: str, entry: Any, where: str, needs: Mapping[str, tuple[str, ...]]) -> Platform:
    data = fields(entry, where, ("title", "architecture"), ("identified_by", "isa", "generic"))
    return Platform(
        name=name,
        title=text(data["title"], f"{where}: title"),
        architecture=text(data["architecture"], f"{where}: architecture"),
        isa=frozenset(texts(data.get("isa", []), f"{where}: isa")),
        identified_by=tuple(
            _signature(item, f"{where}: identified_by")
            for item in entries(data.get("identified_by", []), f"{where}: identified_by")
        ),
        generic=data.get("generic", False) is True,
        needs=needs,
    )


def _signature(entry: Any, where: str) -> CpuSignature:
    data = fields(entry, where, ("vendor", "models"), ("family", "flags", "without"))
    return CpuSignature(
        vendor=text(data["vendor"], f"{where}: vendor"),
        family=whole(data["family"], f"{where}: family") if "family" in data else None,
        models=tuple(_models(item, f"{where}: models") for item in entries(data["models"], f"{where}: models")),
        flags=frozenset(texts(data.get("flags", []), f"{where}: flags")),
        without=frozenset(texts(data.get("without", []), f"{where}: without")),
    )


def _models(item: Any, where: str) -> range:
    match = _MODEL_RANGE.fullmatch(item) if isinstance(item, str) else None
    if match:
        return range(int(match[1], 16), int(match[2], 16) + 1)
    number = whole(item, where)
    return range(number, number + 1)
