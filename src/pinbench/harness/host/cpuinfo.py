"""Who made the processor, from /proc/cpuinfo of x86 and of Arm."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pinbench.harness.host.kernelfile import read_text

# Arm's cpuinfo has numbers only: (implementer, part) of MIDR_EL1, as in arch/arm64/include/asm/cputype.h.
_ARM_NAMES = {
    ("0x41", 0xD08): "Cortex-A72",
    ("0x41", 0xD0C): "Neoverse-N1",
    ("0x41", 0xD40): "Neoverse-V1",
    ("0x41", 0xD49): "Neoverse-N2",
    ("0x41", 0xD4F): "Neoverse-V2",
    ("0x41", 0xD84): "Neoverse-V3",
    ("0x41", 0xD8E): "Neoverse-N3",
    ("0x46", 0x001): "A64FX",
    ("0x48", 0xD01): "TSV110",
    ("0xc0", 0xAC3): "AmpereOne",
    ("0xc0", 0xAC4): "AmpereOne A",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuInfo:
    """The first processor's entry. On Arm: vendor is the implementer, model the part, stepping the revision."""

    name: str | None
    vendor: str | None
    family: int | None
    model: int | None
    stepping: int | None
    microcode: str | None
    flags: tuple[str, ...]


def read_cpuinfo(root: Path) -> CpuInfo:
    """Return what /proc/cpuinfo says of the first processor; all None where there is no such file."""
    entry = _first_entry(read_text(root / "proc/cpuinfo") or "")
    return _arm(entry) if "CPU implementer" in entry else _x86(entry, root)


def _first_entry(text: str) -> dict[str, str]:
    entry: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if not separator and entry:
            break
        if separator:
            entry[key.strip()] = value.strip()
    return entry


def _x86(entry: Mapping[str, str], root: Path) -> CpuInfo:
    return CpuInfo(
        name=entry.get("model name"),
        vendor=entry.get("vendor_id"),
        family=_number(entry.get("cpu family")),
        model=_number(entry.get("model")),
        stepping=_number(entry.get("stepping")),
        microcode=entry.get("microcode") or read_text(root / "sys/devices/system/cpu/cpu0/microcode/version"),
        flags=tuple(entry.get("flags", "").split()),
    )


def _arm(entry: Mapping[str, str]) -> CpuInfo:
    vendor, part = entry["CPU implementer"], _number(entry.get("CPU part"))
    return CpuInfo(
        name=entry.get("model name") or (None if part is None else _ARM_NAMES.get((vendor, part))),
        vendor=vendor,
        family=None,
        model=part,
        stepping=_number(entry.get("CPU revision")),
        microcode=None,
        flags=tuple(entry.get("Features", "").split()),
    )


def _number(text: str | None) -> int | None:
    """Return a decimal or 0x number; None for "unknown" and the like."""
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        return None
