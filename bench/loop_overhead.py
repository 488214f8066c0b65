"""What our own loop costs per step, outside the two clock reads: ``python bench/loop_overhead.py --step-us 60``.

The loop runs an empty step, so that all of its wall time is either between the two clock reads of a step or
overhead. Printed is the median over repeats, and its share of a step that takes `--step-us`; exit code 1 when
the share exceeds `--limit-percent`.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from _quiet import Watch

from pinbench.worker.loop import measure


def _no_step(_: object) -> None:
    return None


def _no_news() -> None:
    return None


def overhead_ns(steps: int) -> tuple[float, float]:
    """Return nanoseconds per step outside the clock reads, and from the first step's begin to the last one's end."""
    timed = measure(_no_step, [None], steps, 0, memoryview(b"\0"), time.monotonic_ns(), _no_news, alone=True)
    wall_ns = timed.begin_ns[-1] + timed.step_ns[-1] - timed.begin_ns[0]
    return (wall_ns - sum(timed.step_ns)) / steps, wall_ns / steps


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--step-us", type=float, default=60.0, help="a step of batch size 1 takes about that long")
    parser.add_argument("--limit-percent", type=float, default=2.0)
    arguments = parser.parse_args()
    watch = Watch()
    outside, all_of_it = zip(*(overhead_ns(arguments.steps) for _ in range(arguments.repeats)), strict=True)
    median_ns = statistics.median(outside)
    share_percent = median_ns / (arguments.step_us * 1_000) * 100
    print(f"outside the clock reads (ns per step): {median_ns:.0f}  (min {min(outside):.0f}, max {max(outside):.0f})")
    print(f"with clock reads and an empty call (ns per step): {statistics.median(all_of_it):.0f}")
    print(f"share of a {arguments.step_us:g} us step (%): {share_percent:.2f}  (limit {arguments.limit_percent:g})")
    return watch.exit_code(share_percent <= arguments.limit_percent)


if __name__ == "__main__":
    sys.exit(main())
