"""Expands a machine's description (<machine>.yaml beside this file) into the files of /sys and /proc.

A real tree has thousands of files that say the same thing over and over; a description has one line for each run of
equal cores:

    cores:      runs of cores: cpus, siblings (lists of the same length: the other hardware threads), socket, node, l3
                (the CPUs that share it; absent: the firmware does not tell)
    offline:    CPUs that are present but off; they vanish from all lists, as in a real tree
    nodes:      node -> total, free, file (page cache), in KiB; absent: a kernel without NUMA
    distances:  a row for each node
    files:      path -> text, verbatim
"""

from pathlib import Path
from typing import Any

import yaml

MACHINES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.yaml")))


def expand(machine: str, root: Path) -> Path:
    """Write the tree of `machine` below `root` and return it."""
    description = yaml.safe_load((Path(__file__).parent / f"{machine}.yaml").read_text())
    files = {**_cpus(description), **_nodes(description), **_memory(description), **description.get("files", {})}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text.rstrip()}\n")
    return root


def numbers(text: str) -> list[int]:
    """Return the numbers of ``0-3,8`` in the order written."""
    found: list[int] = []
    for item in filter(None, str(text).split(",")):
        first, _, last = item.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _text(cpus: list[int]) -> str:
    return ",".join(map(str, sorted(cpus)))


def _cpus(description: dict[str, Any]) -> dict[str, str]:
    offline = set(numbers(description.get("offline", "")))
    files, online = {}, []
    for run in description["cores"]:
        shared = [cpu for cpu in numbers(run.get("l3", "")) if cpu not in offline]
        for threads in zip(*map(numbers, [run["cpus"], *run.get("siblings", [])]), strict=True):
            alive = [cpu for cpu in threads if cpu not in offline]
            online += alive
            for cpu in alive:
                base = f"sys/devices/system/cpu/cpu{cpu}"
                files[f"{base}/topology/physical_package_id"] = str(run["socket"])
                files[f"{base}/topology/{description.get('siblings_file', 'core_cpus_list')}"] = _text(alive)
                files |= {f"{base}/cache/index0/level": "1", f"{base}/cache/index0/shared_cpu_list": _text(alive)}
                if shared:
                    files |= {f"{base}/cache/index3/level": "3", f"{base}/cache/index3/shared_cpu_list": _text(shared)}
    files["sys/devices/system/cpu/online"] = _text(online)
    files["sys/devices/system/cpu/offline"] = _text(sorted(offline))
    return files


def _nodes(description: dict[str, Any]) -> dict[str, str]:
    offline = set(numbers(description.get("offline", "")))
    files = {}
    for node, memory in description.get("nodes", {}).items():
        base = f"sys/devices/system/node/node{node}"
        runs = [run for run in description["cores"] if run["node"] == node]
        cpus = [cpu for run in runs for text in [run["cpus"], *run.get("siblings", [])] for cpu in numbers(text)]
        files[f"{base}/cpulist"] = _text([cpu for cpu in cpus if cpu not in offline])
        files[f"{base}/meminfo"] = "\n".join(f"Node {node} {line}" for line in _meminfo(memory))
    for node, row in zip(description.get("nodes", {}), description.get("distances", []), strict=False):
        files[f"sys/devices/system/node/node{node}/distance"] = " ".join(map(str, row))
    return files


def _memory(description: dict[str, Any]) -> dict[str, str]:
    nodes = list(description.get("nodes", {}).values())
    total = description.get("memory") or {key: sum(node[key] for node in nodes) for key in ("total", "free", "file")}
    swap = description.get("swap", {"total": 0, "free": 0})
    swap_lines = [f"SwapTotal: {swap['total']} kB", f"SwapFree: {swap['free']} kB", "HugePages_Total:       0"]
    return {"proc/meminfo": "\n".join([*_meminfo(total), *swap_lines])}


def _meminfo(memory: dict[str, int]) -> list[str]:
    active = memory["file"] // 4  # a split as good as any other
    return [
        f"MemTotal:       {memory['total']} kB",
        f"MemFree:        {memory['free']} kB",
        f"Active(anon):   {memory['total'] // 100} kB",
        f"Active(file):   {active} kB",
        f"Inactive(file): {memory['file'] - active} kB",
    ]
