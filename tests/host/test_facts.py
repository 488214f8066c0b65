import os

from pinbench.base.jsonio import from_jsonable, to_jsonable
from pinbench.base.units import KIB
from pinbench.contract.host import HostFacts
from pinbench.harness.host.facts import read_facts


def test_an_x86_server_tells_everything(machine):
    facts = read_facts(machine("xeon-2s-snc4"))
    assert (facts.vendor, facts.family, facts.model, facts.stepping) == ("GenuineIntel", 6, 143, 8)
    assert facts.cpu_model == "Intel(R) Xeon(R) Platinum 8480+"
    assert facts.microcode == "0x2b0005c0"
    assert "amx_tile" in facts.flags
    assert (facts.architecture, facts.kernel, facts.os) == ("x86_64", "6.8.0-45-generic", "Ubuntu 24.04.1 LTS")
    assert (facts.hypervisor, facts.container, facts.platform) == (None, None, None)
    assert (facts.frequency_driver, facts.governor) == ("intel_pstate", "performance, powersave")
    assert (facts.turbo, facts.smt, facts.numa_balancing) == (True, "on", True)
    assert (facts.transparent_hugepages, facts.transparent_hugepages_shmem) == ("always", "never")
    assert facts.memory_bytes == 520_000_000 * KIB
    assert facts.swap_used_bytes == 1_000_000 * KIB
    assert facts.mitigations["meltdown"] == "Not affected"


def test_arm_is_told_by_implementer_and_part(machine):
    facts = read_facts(machine("graviton3"))
    assert (facts.vendor, facts.family, facts.model, facts.stepping) == ("0x41", None, 0xD40, 1)
    assert facts.cpu_model == "Neoverse-V1"
    assert {"sve", "bf16", "i8mm"} <= set(facts.flags)
    assert (facts.architecture, facts.os, facts.hypervisor) == ("aarch64", "Amazon Linux 2023", "Amazon EC2")


def test_the_kernels_silence_is_none(tmp_path):
    facts = read_facts(tmp_path)
    names = (
        "cpu_model", "vendor", "family", "model", "stepping", "microcode", "os", "hypervisor", "container",
        "governor", "frequency_driver", "turbo", "smt", "transparent_hugepages", "numa_balancing", "memory_bytes",
        "swap_used_bytes",
    )  # fmt: skip
    assert [name for name in names if getattr(facts, name) is not None] == []
    assert (facts.flags, facts.mitigations) == ((), {})
    assert facts.architecture == os.uname().machine


def test_turbo_is_read_from_the_shared_switch_of_other_drivers(own_machine):
    root = own_machine("epyc-12ccd")
    assert read_facts(root).turbo is True
    (root / "sys/devices/system/cpu/cpufreq/boost").write_text("0\n")
    assert read_facts(root).turbo is False


def test_the_facts_survive_json(machine):
    facts = read_facts(machine("firecracker"))
    assert from_jsonable(HostFacts, to_jsonable(facts)) == facts


def test_this_machine_says_at_least_its_memory_and_flags():
    facts = read_facts()
    assert facts.memory_bytes
    assert facts.flags
