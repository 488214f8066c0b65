"""``pinbench host``: the topology and facts of this machine, and what could spoil a run here."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from pinbench.base.errors import ExitCode
from pinbench.base.jsonio import to_jsonable
from pinbench.base.units import format_bytes
from pinbench.contract.host import HostFacts, Topology
from pinbench.harness.host.cpulist import format_cpu_list
from pinbench.harness.host.facts import read_facts
from pinbench.harness.host.isa import features
from pinbench.harness.host.load import read_load_counters
from pinbench.harness.host.topology import read_topology
from pinbench.harness.plan.placement import cores_by_node, l3_domains
from pinbench.harness.plan.preflight import warnings

HELP = "show this machine as runs will see it"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of ``pinbench host``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(arguments: Namespace) -> int:
    """Print the machine and return the exit code."""
    topology, facts = read_topology(), read_facts()
    load_1m = read_load_counters().load_1m
    spoilers = warnings(topology, facts, load_1m)
    if arguments.json:
        values = {"topology": topology, "facts": facts, "load_1m": load_1m, "warnings": spoilers}
        print(json.dumps(to_jsonable(values), indent=1))
    else:
        for line in (*_describe_facts(facts), *_describe_topology(topology), *_describe_spoilers(spoilers)):
            print(line)
    return ExitCode.PASSED


def _describe_facts(facts: HostFacts) -> Iterator[str]:
    """Yield a line for each fact that the kernel gives."""
    identity = {
        "vendor": facts.vendor, "family": facts.family, "model": facts.model, "stepping": facts.stepping,
        "microcode": facts.microcode,
    }  # fmt: skip
    rows = {
        "CPU": facts.cpu_model,
        "identity": ", ".join(f"{name} {value}" for name, value in identity.items() if value is not None),
        "arithmetic": " ".join(sorted(features(facts.flags, facts.architecture))),
        "kernel": f"Linux {facts.kernel}, {facts.architecture}",
        "system": facts.os,
        "hypervisor": facts.hypervisor,
        "container": facts.container,
        "frequency": ", ".join(text for text in (facts.frequency_driver, facts.governor) if text),
        "turbo": _on_off(facts.turbo),
        "SMT": facts.smt,
        "huge pages": facts.transparent_hugepages,
        "... of shared memory": facts.transparent_hugepages_shmem,
        "NUMA balancing": _on_off(facts.numa_balancing),
        "memory": None if facts.memory_bytes is None else format_bytes(facts.memory_bytes),
        "swap in use": None if facts.swap_used_bytes is None else format_bytes(facts.swap_used_bytes),
        "vulnerable to": ", ".join(name for name, text in facts.mitigations.items() if text.startswith("Vulnerable")),
    }
    for name, value in rows.items():
        if value:
            yield f"{name:21} {value}"


def _on_off(switch: bool | None) -> str | None:
    return {True: "on", False: "off"}.get(switch) if switch is not None else None


def _describe_topology(topology: Topology) -> Iterator[str]:
    memory = {node.id: node for node in topology.nodes}
    nodes = cores_by_node(topology)
    cores = sum(map(len, nodes.values()))
    sockets = len({cpu.socket for cpu in topology.cpus})
    yield f"{'usable':21} sockets {sockets}, nodes {len(nodes)}, cores {cores}, CPUs {len(topology.cpus)}"
    for node in sorted({*nodes, *memory}):
        parts = []
        if node in nodes:
            cpus = format_cpu_list(cpu.id for cpu in topology.cpus if cpu.node == node)
            parts.append(f"cpus {cpus}, cores {len(nodes[node])}, L3 domains {len(l3_domains(nodes[node]))}")
        if node in memory:
            free, total = format_bytes(memory[node].free_bytes), format_bytes(memory[node].total_bytes)
            parts.append(f"memory {free} free of {total}")
        else:
            parts.append(f"no memory (nearest: node {topology.nearest_memory.get(node)})")
        yield f"{f'node {node}':21} {', '.join(parts)}"
    if topology.hidden_cpus:
        yield f"{'hidden CPUs':21} {format_cpu_list(topology.hidden_cpus)}"
    if topology.memory_limit_bytes is not None:
        left = topology.memory_remaining_bytes
        remains = "" if left is None else f", {format_bytes(left)} remain"
        yield f"{'cgroup memory limit':21} {format_bytes(topology.memory_limit_bytes)}{remains}"


def _describe_spoilers(spoilers: tuple[str, ...]) -> Iterator[str]:
    yield ""
    yield "could spoil a run:" if spoilers else "nothing seen that would spoil a run"
    for line in spoilers:
        yield f"  {line}"
