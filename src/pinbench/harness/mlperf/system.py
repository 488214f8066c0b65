"""MLPerf's description of a system: 33 texts, some known from the host, the others for the user to give."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.base.units import format_bytes
from pinbench.contract.host import HostFacts, Topology
from pinbench.harness.case.strict_yaml import fields, read_yaml
from pinbench.harness.mlperf.log import Log

# The fields that system_desc_checker demands, in its order.
FIELDS = (
    "submitter", "division", "status", "system_name", "number_of_nodes", "host_processors_per_node",
    "host_processor_model_name", "host_processor_core_count", "host_processor_vcpu_count", "host_processor_frequency",
    "host_processor_caches", "host_processor_interconnect", "host_memory_capacity", "host_storage_type",
    "host_storage_capacity", "host_networking", "host_networking_topology", "host_memory_configuration",
    "accelerators_per_node", "accelerator_model_name", "accelerator_host_interconnect", "accelerator_frequency",
    "accelerator_on-chip_memories", "accelerator_memory_configuration", "accelerator_memory_capacity",
    "accelerator_interconnect", "accelerator_interconnect_topology", "cooling", "hw_notes", "framework",
    "other_software_stack", "operating_system", "sw_notes",
)  # fmt: skip
# Of a log's submission_status, in the words of a description (rules from 4.0 on).
_STATUSES = {
    "onprem": "Available on-premise",
    "cloud": "Available cloud",
    "preview": "Preview",
    "research": "Research, Development, or Internal (RDI)",
}
_MAY_BE_EMPTY = ("hw_notes", "sw_notes")
_NONE = "N/A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of the machine that ran."""

    facts: HostFacts
    topology: Topology
    caches: str | None
    frequency: str | None
    packages: Mapping[str, str]  # versions


def description(log: Log, machine: Machine, given: Mapping[str, str]) -> dict[str, str]:
    """Return all fields: what is `given`, else what is known, else nothing."""
    known = {**_of_log(log), **_of_machine(machine), **given}
    return {name: known.get(name) or "" for name in FIELDS}


def unknown(described: Mapping[str, str]) -> tuple[str, ...]:
    """Return the fields that nobody gave and the host does not tell."""
    return tuple(name for name in FIELDS if not described[name] and name not in _MAY_BE_EMPTY)


def read_given(path: Path) -> dict[str, str]:
    """Return the fields of a YAML or JSON file of a user.

    Raises:
        UsageError: the file cannot be read, a field is unknown, or no text or number.
    """
    given = fields(read_yaml(path) or {}, str(path), optional=FIELDS)
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise UsageError(f"{path}: {name} must be a text or a number, got {value!r}")
    return {name: str(value) for name, value in given.items()}


def _of_log(log: Log) -> dict[str, str | None]:
    return {
        "submitter": log.said("submission_org"),
        "division": log.division.value,
        "status": _STATUSES.get(log.said("submission_status") or ""),
        "system_name": log.said("submission_platform"),
    }


def _of_machine(machine: Machine) -> dict[str, str | None]:
    cpus = machine.topology.cpus
    memory = machine.facts.memory_bytes
    torch = machine.packages.get("torch")
    nothing = {name: _NONE for name in FIELDS if name.startswith("accelerator_")}
    return {
        **nothing,
        "number_of_nodes": "1",
        "host_processors_per_node": str(len({cpu.socket for cpu in cpus})),
        "host_processor_model_name": machine.facts.cpu_model or machine.facts.architecture,
        "host_processor_core_count": str(len({cpu.core for cpu in cpus})),
        "host_processor_vcpu_count": str(len(cpus)),
        "host_processor_frequency": machine.frequency,
        "host_processor_caches": machine.caches,
        "host_memory_capacity": None if memory is None else format_bytes(memory),
        "accelerators_per_node": "0",
        "framework": None if torch is None else f"PyTorch {torch}",
        "other_software_stack": ", ".join(f"{name} {version}" for name, version in machine.packages.items()) or None,
        "operating_system": ", ".join(filter(None, (machine.facts.os, f"Linux {machine.facts.kernel}"))),
    }
