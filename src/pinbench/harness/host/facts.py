"""What a reader must know of the machine to believe a number: CPU model, settings, memory, confinement."""

import os
import re
from pathlib import Path

from pinbench.contract.host import HostFacts
from pinbench.harness.host.confinement import read_container, read_hypervisor
from pinbench.harness.host.cpuinfo import read_cpuinfo
from pinbench.harness.host.kernelfile import read_int, read_kb_table, read_text

_CPU = Path("sys/devices/system/cpu")
_PAGES = Path("sys/kernel/mm/transparent_hugepage")


def read_facts(root: Path = Path("/")) -> HostFacts:
    """Return the facts of the host whose /sys and /proc lie below `root`; `platform` is left to the caller."""
    cpu = read_cpuinfo(root)
    memory = read_kb_table(root / "proc/meminfo") or {}
    return HostFacts(
        cpu_model=cpu.name,
        vendor=cpu.vendor,
        family=cpu.family,
        model=cpu.model,
        stepping=cpu.stepping,
        microcode=cpu.microcode,
        flags=cpu.flags,
        platform=None,
        architecture=read_text(root / "proc/sys/kernel/arch") or os.uname().machine,  # the file is of Linux 6.1
        kernel=read_text(root / "proc/sys/kernel/osrelease") or os.uname().release,
        os=_read_os(root),
        hypervisor=read_hypervisor(root, cpu.flags),
        container=read_container(root),
        frequency_driver=_read_policies(root, "scaling_driver"),
        governor=_read_policies(root, "scaling_governor"),
        turbo=_read_turbo(root),
        smt=read_text(root / _CPU / "smt/control"),
        transparent_hugepages=_read_choice(root / _PAGES / "enabled"),
        transparent_hugepages_shmem=_read_choice(root / _PAGES / "shmem_enabled"),
        numa_balancing=_read_switch(root / "proc/sys/kernel/numa_balancing"),
        memory_bytes=memory.get("MemTotal"),
        swap_used_bytes=memory["SwapTotal"] - memory["SwapFree"] if {"SwapTotal", "SwapFree"} <= set(memory) else None,
        mitigations=_read_mitigations(root),
    )


def _read_os(root: Path) -> str | None:
    """Return PRETTY_NAME of os-release(5), which may lie in either place."""
    text = read_text(root / "etc/os-release") or read_text(root / "usr/lib/os-release") or ""
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip("\"'")
    return None


def _read_policies(root: Path, name: str) -> str | None:
    """Return the value that the CPUs' frequency policies share, or all their values, separated by commas."""
    texts = (read_text(directory / name) for directory in (root / _CPU / "cpufreq").glob("policy[0-9]*"))
    return ", ".join(sorted({text for text in texts if text})) or None


def _read_turbo(root: Path) -> bool | None:
    # intel_pstate has a switch of its own (admin-guide/pm/intel_pstate.rst); other drivers share cpufreq's.
    off = read_int(root / _CPU / "intel_pstate/no_turbo")
    return _read_switch(root / _CPU / "cpufreq/boost") if off is None else off == 0


def _read_switch(path: Path) -> bool | None:
    value = read_int(path)
    return None if value is None else value != 0


def _read_choice(path: Path) -> str | None:
    """Return the chosen word of a line such as ``always [madvise] never``."""
    match = re.search(r"\[(\w+)\]", read_text(path) or "")
    return match[1] if match else None


def _read_mitigations(root: Path) -> dict[str, str]:
    files = sorted((root / _CPU / "vulnerabilities").glob("*"))
    texts = {path.name: read_text(path) for path in files}
    return {name: text for name, text in texts.items() if text}
