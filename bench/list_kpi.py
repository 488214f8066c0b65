"""How long ``list-kpi`` takes for hundreds of recorded runs: ``python bench/list_kpi.py --runs 500``.

The runs have kept what their records are worth (kpi.json), as a run does at its end. Printed is the whole command's
time, interpreter included: the best of `--repeats`; exit code 1 above `--limit-s`, beside others' work only where the
processor's time alone is above it. The first listing, for which no run
has kept anything (another version ran it), is printed beside it without a limit.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from _quiet import Watch

ROOT = Path(__file__).resolve().parents[1]


def make_runs(root: Path, runs: int, steps: int) -> int:
    """Leave log directories of two instances each; return the bytes of one record."""
    from records import make_record, ok, uneven

    from pinbench.harness.record.schema import write_record

    results = (ok(index, step_ns=uneven(steps, 1_000_000, index), start_s=1000 + index / 1000) for index in range(2))
    record = make_record(*results)
    write_record(root / "record.json", record)
    text = (root / "record.json").read_text(encoding="utf-8")
    (root / "record.json").unlink()
    for number in range(runs):
        worker = root / f"{number:04}-logs-x" / "itr-1" / "worker-0-c0"
        worker.mkdir(parents=True)
        (worker / "status").write_text("0\n", encoding="utf-8")
        one = text.replace(f'"elapsed_s": {record.elapsed_s}', f'"elapsed_s": {record.elapsed_s + number}')
        (worker.parent / "record.json").write_text(one, encoding="utf-8")
    return len(text)


def listing_s(root: Path) -> tuple[float, float]:
    """Return seconds of the wall and of the processor that one listing takes."""
    before_s, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "pinbench", "list-kpi", str(root)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = os.times()
    busy_s = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - before_s, busy_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--steps", type=int, default=2000, help="measured by each of two instances")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit-s", type=float, default=2.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        size_bytes = make_runs(Path(folder), arguments.runs, arguments.steps)
        print(f"{arguments.runs} runs, record.json of {size_bytes / 1024:.0f} KiB each")
        wall_s, busy_s = listing_s(Path(folder))
        print(f"first listing, which judges: {wall_s:.2f} s, of the processor {busy_s:.2f} s")
        watch = Watch()
        times = [listing_s(Path(folder)) for _ in range(arguments.repeats)]
    wall_s, busy_s = min(times)
    print(f"listing: {wall_s:.2f} s, of the processor {busy_s:.2f} s  (limit {arguments.limit_s:g} s)")
    if busy_s > arguments.limit_s:
        return 1  # whatever else the host did
    return watch.exit_code(wall_s <= arguments.limit_s)


if __name__ == "__main__":
    sys.exit(main())
