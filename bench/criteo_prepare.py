"""How fast raw Criteo days become training data: `pinbench data criteo` beside what else does the same work.

    python bench/criteo_prepare.py --rows 2000000 --repeats 5 --reference-repeats 1
    python bench/criteo_prepare.py --rows 2000000 --peers reference polars duckdb spark

`script/env/python peers` installs the peers. The work is one, and its result is compared: made-up days of Criteo's
shape into label, integers and ids by first appearance, the train days in a random order. The peers are the reference's
algorithm (facebookresearch/dlrm, one thread, as it is), Polars, DuckDB and PySpark, each as its users would write it;
Polars and DuckDB hold all rows in memory, PySpark writes Parquet. Each run is a process of its own, which first
prepares a few rows, so that what is loaded or compiled once is not counted; runs take turns. Printed are the medians of
rows/s and of MB/s of text, the largest resident memory, and the ratio to each peer. Exit code 1 when results differ, or
when the ratio to the reference is below `--limit-ratio`; whether it reaches `--target-ratio` depends on how many rows
there are and is printed.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from _criteo_days import make_days
from _quiet import Watch

from pinbench.base.units import MEGA, MIB

_HERE = Path(__file__).resolve().parent
_OURS = "ours"
_REFERENCE = "reference"
_MODULES = {  # name of a peer: its module, and what that imports
    _OURS: (_OURS, "numba"),
    _REFERENCE: (_REFERENCE, "numpy"),
    "polars": ("polars_frames", "polars"),
    "duckdb": ("duckdb_sql", "duckdb"),
    "spark": ("spark_frames", "pyspark"),
}


@dataclass
class Figures:
    """What the runs of one peer gave."""

    seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0


def run(peer: str, output: Path, days: list[Path], threads: int, max_ind_range: int) -> dict[str, float | str]:
    path = os.pathsep.join((str(_HERE.parent / "src"), str(_HERE)))
    command = [sys.executable, "-m", "_peers", _MODULES[peer][0], output, str(threads), str(max_ind_range), *days]
    environment = os.environ | {"PYTHONPATH": path, "POLARS_MAX_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(peers: dict[str, int], run_peer, figures: dict[str, Figures]) -> set[str]:
    """Run each peer so many times, in turns; return the different results."""
    digests = set()
    for turn in range(max(peers.values())):
        for peer, repeats in peers.items():
            if turn >= repeats:
                continue
            result = run_peer(peer)
            figures[peer].seconds.append(result["seconds"])
            figures[peer].peak_bytes = max(figures[peer].peak_bytes, result["peak_bytes"])
            digests.add(result["digest"])
    return digests


def report(figures: dict[str, Figures], rows: int, size_bytes: int) -> dict[str, float]:
    """Print what was measured; return how many times faster than each peer ours is."""
    ours_s = statistics.median(figures[_OURS].seconds)
    ratios = {}
    for peer, of_peer in figures.items():
        median_s = statistics.median(of_peer.seconds)
        ratios[peer] = median_s / ours_s
        print(
            f"{peer}: {rows / median_s / MEGA:.4f} million rows/s, {size_bytes / median_s / MEGA:.1f} MB/s, "
            f"{of_peer.peak_bytes / MIB:.0f} MiB; ours is {ratios[peer]:.1f} times as fast "
            f"(n {len(of_peer.seconds)}, {min(of_peer.seconds):.2f} to {max(of_peer.seconds):.2f} s)"
        )
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=240_000, help="of all days together")
    parser.add_argument("--days", type=int, default=24)
    parser.add_argument("--peers", nargs="*", choices=list(_MODULES)[1:], default=None, help="[those that are there]")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reference-repeats", type=int, default=1, help="it is slow")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--max-ind-range", type=int, default=40_000_000)
    parser.add_argument("--limit-ratio", type=float, default=25.0, help="to the reference")
    parser.add_argument("--target-ratio", type=float, default=50.0, help="to the reference")
    arguments = parser.parse_args()
    # A cluster's start takes longer than all the rest: only when it is asked for.
    there = [peer for peer, (_, needs) in _MODULES.items() if peer != "spark" and importlib.util.find_spec(needs)]
    names = [_OURS, *(there[1:] if arguments.peers is None else arguments.peers)]
    repeats = {peer: arguments.reference_repeats if peer == _REFERENCE else arguments.repeats for peer in names}
    figures = {peer: Figures() for peer in names}
    with tempfile.TemporaryDirectory() as name:
        rows_each = -(-arguments.rows // arguments.days)
        days = make_days(Path(name, "raw"), rows_each, arguments.days)
        output = Path(name, "output")

        def run_peer(peer: str) -> dict[str, float | str]:
            return run(peer, output, days, arguments.threads, arguments.max_ind_range)

        watch = Watch()
        digests = measure(repeats, run_peer, figures)
        ratios = report(figures, rows_each * arguments.days, sum(day.stat().st_size for day in days))
    if len(digests) > 1:
        print("the results differ")
        return 1
    if _REFERENCE not in ratios:
        return 0
    reached = "reached" if ratios[_REFERENCE] >= arguments.target_ratio else "missed at this size on this host"
    print(f"limit: {arguments.limit_ratio:.0f} times the reference; target: {arguments.target_ratio:.0f}, {reached}")
    return watch.exit_code(ratios[_REFERENCE] >= arguments.limit_ratio)


if __name__ == "__main__":
    sys.exit(main())
