"""A CPU's caches and its highest frequency, as text for people: from /sys, None where that does not say."""

import re
from pathlib import Path

from pinbench.base.units import KIB, MEGA, format_bytes
from pinbench.harness.host.kernelfile import read_int, read_text

_CPU0 = Path("sys/devices/system/cpu/cpu0")
_SUFFIX = {"Data": "d", "Instruction": "i"}  # "Unified" has none


def read_caches(root: Path = Path("/")) -> str | None:
    """Return the caches of the first CPU, e.g. ``L1d 32.0 KiB, L1i 32.0 KiB, L2 512.0 KiB, L3 8.0 MiB``."""
    found = []
    for index in sorted((root / _CPU0 / "cache").glob("index[0-9]*")):
        level, kind, size = (read_text(index / name) for name in ("level", "type", "size"))
        match = re.fullmatch(r"(\d+)K", size or "")
        if level and kind and match:
            found.append(f"L{level}{_SUFFIX.get(kind, '')} {format_bytes(int(match[1]) * KIB)}")
    return ", ".join(found) or None


def read_max_frequency(root: Path = Path("/")) -> str | None:
    """Return the highest frequency of the first CPU, e.g. ``3500 MHz``."""
    khz = read_int(root / _CPU0 / "cpufreq/cpuinfo_max_freq")
    return None if khz is None else f"{khz * 1000 // MEGA} MHz"
