"""What is known of the machine and the software of a run, as names and values (``list-kpi.sh --sutinfo``)."""

from collections.abc import Mapping
from dataclasses import fields

from pinbench.contract.case import Scalar
from pinbench.contract.host import HostFacts, Topology
from pinbench.contract.result import Record, Software


def system(record: Record) -> dict[str, Scalar]:
    """Return the facts of `record`; what the kernel did not say is absent."""
    facts = {**_host(record.host), **_software(record.software)}
    if record.plan is not None:
        facts |= _topology(record.plan.topology)
    return {name: value for name, value in facts.items() if value is not None and value != ""}


def _host(host: HostFacts) -> dict[str, Scalar | None]:
    return {field.name.upper(): _flat(getattr(host, field.name)) for field in fields(host)}


def _flat(value: object) -> Scalar | None:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {text}" for name, text in value.items())
    if isinstance(value, tuple):
        return " ".join(value)
    assert value is None or isinstance(value, str | int | float)
    return value


def _topology(topology: Topology) -> dict[str, Scalar | None]:
    return {
        "CPUS": len(topology.cpus),
        "CORES": len({cpu.core for cpu in topology.cpus}),
        "SOCKETS": len({cpu.socket for cpu in topology.cpus}),
        "NODES": len(topology.nodes),
        "CPU_QUOTA": topology.cpu_quota,
        "MEMORY_LIMIT_BYTES": topology.memory_limit_bytes,
    }


def _software(software: Software) -> dict[str, Scalar | None]:
    return {
        "PINBENCH": software.pinbench,
        "PYTHON": software.python,
        "GIT_COMMIT": software.git_commit,
        "PACKAGES": " ".join(f"{name}={version}" for name, version in software.packages.items()),
    }
