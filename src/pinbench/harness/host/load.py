"""What else went on: processor time and load average before and after a window."""

import os
from dataclasses import dataclass
from pathlib import Path

from pinbench.contract.host import HostLoad
from pinbench.harness.host.kernelfile import read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCounters:
    """Time of all CPUs since boot, in seconds. None: the kernel does not say."""

    load_1m: float | None
    total_s: float | None
    busy_s: float | None
    steal_s: float | None


def read_load_counters(root: Path = Path("/")) -> LoadCounters:
    """Return the counters of /proc/stat and /proc/loadavg (proc_stat(5), proc_loadavg(5))."""
    words = (read_text(root / "proc/loadavg") or "").split()
    load_1m = float(words[0]) if words else None
    line = next((text for text in (read_text(root / "proc/stat") or "").splitlines() if text.startswith("cpu ")), "")
    # user nice system idle iowait irq softirq steal; the guest times behind them are part of user and nice already.
    ticks = [int(word) for word in line.split()[1:9]]
    if len(ticks) < 8:
        return LoadCounters(load_1m=load_1m, total_s=None, busy_s=None, steal_s=None)
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    _, _, _, idle, iowait, _, _, steal = ticks
    return LoadCounters(
        load_1m=load_1m,
        total_s=sum(ticks) / ticks_per_s,
        busy_s=(sum(ticks) - idle - iowait - steal) / ticks_per_s,
        steal_s=steal / ticks_per_s,
    )


def load_between(before: LoadCounters, after: LoadCounters, own_cpu_s: float | None) -> HostLoad:
    """Return the load of the window between two readings.

    Args:
        before: the counters at its begin.
        after: the counters at its end.
        own_cpu_s: the processor time that our own processes took in it; None: not known.
    """
    window_s = _difference(before.total_s, after.total_s)
    busy_s = _difference(before.busy_s, after.busy_s)
    other_s = None if busy_s is None or own_cpu_s is None else busy_s - own_cpu_s
    return HostLoad(
        load_1m_before=before.load_1m,
        busy_share=_share(busy_s, window_s),
        steal_share=_share(_difference(before.steal_s, after.steal_s), window_s),
        other_busy_share=_share(other_s, window_s),
    )


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _share(part_s: float | None, window_s: float | None) -> float | None:
    if part_s is None or not window_s:
        return None
    # Counters of single CPUs may step back a little (proc_stat(5)), and own time is counted by a finer clock.
    return min(1.0, max(0.0, part_s / window_s))
