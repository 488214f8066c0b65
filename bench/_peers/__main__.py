"""One preparation by one peer in a process of its own: prints its seconds and its largest resident memory as JSON."""

import argparse
import importlib
import json
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from _peers import Work
from pinbench.base.units import KIB


def digest(rows: "np.ndarray[tuple[int, int], np.dtype[np.int32]]") -> str:
    """Return what does not change with the order of `rows`: their number and the sum of a mix of each."""
    multipliers = np.random.default_rng(0).integers(1, 1 << 63, rows.shape[1], dtype=np.uint64) | np.uint64(1)
    total = 0
    for begin in range(0, len(rows), 1 << 16):
        mixed = (rows[begin : begin + (1 << 16)].astype(np.uint64) * multipliers).sum(axis=1, dtype=np.uint64)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
        total += int(mixed.sum(dtype=np.uint64))
    return f"{len(rows)}-{total % (1 << 64):016x}"


def peak_bytes() -> int:
    """Return the largest resident memory of this process, of those that it waited for, and of those that it has."""
    waited = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return KIB * max([waited, *map(_peak_kib, _descendants("self"))])


def _descendants(process: str) -> list[str]:
    files = Path("/proc", process, "task").glob("*/children")
    children = [child for file in files for child in file.read_text().split()]
    return children + [further for child in children for further in _descendants(child)]


def _peak_kib(process: str) -> int:
    status = Path("/proc", process, "status").read_text()
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    parser.add_argument("output", type=Path)
    parser.add_argument("threads", type=int)
    parser.add_argument("max_ind_range", type=int)
    parser.add_argument("days", type=Path, nargs="+")
    arguments = parser.parse_args()
    peer = importlib.import_module(f"_peers.{arguments.peer}")
    days = tuple(arguments.days)
    with tempfile.TemporaryDirectory(dir=arguments.output.parent) as folder:
        # What is compiled or loaded at the first call is not what is measured.
        small = [Path(folder, f"day_{number}") for number in range(2)]
        for path, day in zip(small, days, strict=False):
            with day.open("rb") as file:
                path.write_bytes(b"".join(file.readline() for _ in range(200)))
        Path(folder, "small").mkdir()
        peer.prepare(Work(tuple(small), Path(folder, "small"), arguments.max_ind_range, arguments.threads))
    shutil.rmtree(arguments.output, ignore_errors=True)
    arguments.output.mkdir()
    work = Work(days, arguments.output, arguments.max_ind_range, arguments.threads)
    begin = time.perf_counter()
    peer.prepare(work)
    seconds = time.perf_counter() - begin
    result = {"seconds": seconds, "peak_bytes": peak_bytes(), "digest": digest(peer.train_rows(work))}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
