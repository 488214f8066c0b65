"""BERT-Large beside what others would run it with, and its share of the matrix rate: ``bert_large.py [options]``.

    python bench/bert_large.py --batch-size 1 8 --layers 24 --python openvino=/path/to/python

All sides compute the same sequences of random words with the same random weights, each in a process of its own, in
turn, round after round; so does the matrix product whose rate they are held against, for a host has faster and slower
minutes. Each is compared with the first side's logits. A side that cannot run here is listed with its reason. Exit code
1 when the best of the suite's engines in fp32 has less than `--limit-share` of the matrix rate, or logits differ.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from _bert.peers import PEERS
from _bert.side import PEAK, Ready, Work
from _quiet import Watch
from _side import SideProcess

from pinbench.base.plugin import load_plugin
from pinbench.base.units import GIGA
from pinbench.harness.launch.interpreter import interpreter_for
from pinbench.worker import precision as precisions
from pinbench.worker.models.bert.config import BERT_LARGE

_HERE = Path(__file__).resolve().parent
_FP32 = "fp32"
_OURS = ("eager", "pinned")
_SLOW_TO_COMPILE = "transformers-inductor"  # for minutes: takes part where it is asked for
_WALL, _PROCESSOR = "wall", "processor"


@dataclass
class Side:
    """A process that takes part, and the seconds of its steps."""

    work: Work
    process: SideProcess
    ready: Ready
    seconds: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.work.name} {self.work.precision}"

    def step(self, clock: str) -> None:
        self.seconds.append(float(self.process.ask("step").split()[clock == _PROCESSOR]))

    @property
    def best_flop_per_s(self) -> float:
        return self.work.flop / min(self.seconds)


def race(batch_size: int, arguments: argparse.Namespace, folder: str) -> list[Side]:
    """Return all sides of a batch size after their rounds."""
    pythons = dict(pair.split("=", 1) for pair in arguments.python)
    sides: list[Side] = []
    with ExitStack() as at_end:
        for name, precision in _entries(arguments):
            work = Work(
                name=name, precision=precision, batch_size=batch_size, length=arguments.length, layers=arguments.layers,
                cpus=arguments.cpus, logits=f"{folder}/{name}-{precision}-{batch_size}.pt",
            )  # fmt: skip
            known = sys.executable if name in (*PEERS, PEAK) else interpreter_for(name)
            process = SideProcess("_bert.side", work, pythons.get(name) or known)
            at_end.callback(process.end)
            ready = process.read_ready(Ready)  # before the next one starts: compilers would slow each other down
            side = Side(work=work, process=process, ready=ready)
            if side.ready.skipped is not None:
                print(f"B={batch_size:<3} {side.name:32} takes no part: {side.ready.skipped}", flush=True)
            sides.append(side)
        running = [side for side in sides if side.ready.skipped is None]
        for turn in range(arguments.rounds + 1):
            for side in running:
                side.step(arguments.clock)
                if not turn:
                    side.seconds.clear()  # it warmed up
    return running


def _entries(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for precision in arguments.precision:
        yield from ((name, precision) for name in (*arguments.peer, *arguments.engine, PEAK))


def report(sides: Sequence[Side], limit_percent: float) -> bool:
    """Print a line for each side and return whether all logits are those of the first but for their precision."""
    computing = [side for side in sides if side.work.name != PEAK]
    peaks = {side.work.precision: side.best_flop_per_s for side in sides if side.work.name == PEAK}
    expected_N2 = torch.load(computing[0].work.logits, weights_only=True)
    are_equal = True
    for side in computing:
        work, peak = side.work, peaks.get(side.work.precision)
        share = "" if peak is None else f", {side.best_flop_per_s / peak:4.0%} of {peak / GIGA:.0f} GFLOP/s"
        rates = [work.batch_size / seconds for seconds in side.seconds]
        ratio = statistics.median(theirs / own for own, theirs in zip(side.seconds, computing[0].seconds, strict=True))
        error = (torch.load(work.logits, weights_only=True) - expected_N2).abs().max().item()
        tolerance = expected_N2.std().item() * load_plugin(precisions, work.precision).SPREAD_TOLERANCE
        are_equal = are_equal and (work.name in PEERS or error <= tolerance * limit_percent / 100)
        print(
            f"B={work.batch_size:<3} {side.name:32} {statistics.median(rates):8.3f} samples/s, best {max(rates):8.3f}, "
            f"n={len(rates)}, {ratio:5.2f}x{share}, logits differ by {error:.1e} {side.ready.runs_as or ''}".rstrip(),
            flush=True,
        )
    return are_equal


def judge(sides: Sequence[Side], limit: float, targets: dict[str, float]) -> bool:
    """Print how far the best engine of the suite is in each precision; return whether fp32 reaches `limit`."""
    is_held = True
    for precision in dict.fromkeys(side.work.precision for side in sides):
        best = {
            side.work.name: side.best_flop_per_s for side in sides if side.work.precision == precision
        }  # fmt: skip
        own, peak = max((best[name] for name in _OURS if name in best), default=None), best.get(PEAK)
        if own is None or peak is None:
            continue
        peers = {name: rate for name, rate in best.items() if name in PEERS}
        ahead = ", ".join(f"{own / rate:.2f}x {name}" for name, rate in peers.items()) or "no peer"
        line = f"{precision} {own / peak:.0%} of its peak; {ahead}"
        if precision in targets:
            line += (
                f"; target {targets[precision]:.0%} {'reached' if own / peak >= targets[precision] else 'missed here'}"
            )
        if precision == _FP32:
            is_held = own / peak >= limit
            line += f"; limit {limit:.0%} {'held' if is_held else 'NOT held'}"
        print(line)
    return is_held


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1])
    parser.add_argument("--length", type=int, default=384)
    # All layers are alike, so a few of them show the share of the matrix rate in a part of the minutes.
    parser.add_argument("--layers", type=int, default=2, help=f"of {BERT_LARGE.num_hidden_layers}: all for samples/s")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--precision", nargs="+", default=[_FP32, "bfloat16", "int8"])
    parser.add_argument("--engine", nargs="+", default=list(_OURS), help="also: inductor")
    parser.add_argument(
        "--peer", nargs="*", choices=list(PEERS), default=[name for name in PEERS if name != _SLOW_TO_COMPILE]
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", action="append", default=[], metavar="SIDE=PATH", help="interpreter of a side")
    parser.add_argument(
        "--clock", choices=[_WALL, _PROCESSOR], default=_WALL,
        help="processor: what a host that others work on does not disturb; for one thread, others also spin",
    )  # fmt: skip
    parser.add_argument("--limit-percent", type=float, default=100.0, help="of the tolerance, for logits")
    # Of what was reached on an AVX-512 host by packed products alone (71 %), with room for a slow one.
    parser.add_argument("--limit-share", type=float, default=0.5, help="of the fp32 matrix rate, at the least")
    parser.add_argument("--target-fp32", type=float, default=0.85)
    parser.add_argument("--target-bfloat16", type=float, default=0.78, help="on a CPU with bfloat16")
    arguments = parser.parse_args()
    arguments.cpus = tuple(sorted(os.sched_getaffinity(0)))[: arguments.threads]
    return arguments


def main() -> int:
    arguments = parse()
    print(f"{arguments.layers} of {BERT_LARGE.num_hidden_layers} layers, sequences of {arguments.length}")
    watch, is_held = Watch(), True
    targets = {_FP32: arguments.target_fp32, "bfloat16": arguments.target_bfloat16}
    with tempfile.TemporaryDirectory(prefix="pinbench-bench-") as folder:
        for batch_size in arguments.batch_size:
            sides = race(batch_size, arguments, folder)
            are_equal = report(sides, arguments.limit_percent)
            is_held = judge(sides, arguments.limit_share, targets) and are_equal and is_held
    return watch.exit_code(is_held)


if __name__ == "__main__":
    sys.exit(main())
