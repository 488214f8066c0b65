"""Every engine on the same DLRM, in turn: engine x precision x batch against the reference and the roofline.

    python bench/dlrm_engines.py --batch-size 1 16 128 2048 --precision fp32 bfloat16 --threads 2

Each side is a process of its own, in the environment that it needs (`script/env/python ipex` makes one), on the same
shared tables; one runs at a time, and a round lets each run for --seconds. Printed for each: the median of its
samples/s and the spread of the rounds, the ratio to the reference's algorithm (facebookresearch/dlrm: a bag a table,
eager, fp32) and to the roofline of its precision, both of the same round, `best`, the highest rate of all rounds over
the reference's highest, which other load on the host disturbs least, seconds of compiling, and the largest difference
of a logit to the textbook computation. `--profile` adds where the time of one call of pinned goes, layer by layer. An
engine that cannot run here is listed with its reason. Exit code 1 when outputs differ by more than `--limit-percent` of
the tolerance of the precision.
"""

import argparse
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from _dlrm.reference import ALPHA, MAX_IND_RANGE, mlperf_config
from _dlrm.side import REFERENCE, ROOFLINE, Ready, Work
from _quiet import Watch
from _side import SideProcess

from pinbench.base.plugin import load_plugin, plugin_names
from pinbench.base.units import PERCENT
from pinbench.harness.launch.interpreter import interpreter_for
from pinbench.worker import engine as engines
from pinbench.worker import precision as precisions
from pinbench.worker.models.dlrm.rows import SeededOrigin, fill_tables
from pinbench.worker.weights import build_store

_HERE = Path(__file__).resolve().parent
_FP32 = "fp32"


@dataclass
class Side:
    """A process that takes part, and what its rounds gave."""

    name: str
    precision: str
    process: SideProcess
    ready: Ready
    rates: list[float] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        self.rates.append(float(self.process.ask(str(seconds))))


def shared_tables(precision: str, max_ind_range: int, threads: int) -> int:
    """Return shared memory that holds all tables in the type of `precision`."""
    config, dtype = mlperf_config(max_ind_range), load_plugin(precisions, precision).TABLE_DTYPE
    fd = os.memfd_create(f"tables-{precision}")
    store = build_store(fd, config.table_bytes(dtype.itemsize))
    bits = {torch.float32: "float32", torch.bfloat16: "uint16"}[dtype]
    with ThreadPoolExecutor(threads) as pool:
        target = store.bytes_view.view(bits).reshape(-1, config.embedding_dim)
        fill_tables(target, SeededOrigin(config, 0), config.table_rows, pool)
    return fd


def race(batch_size: int, arguments: argparse.Namespace, tables: dict[str, int]) -> list[Side]:
    """Return all sides of a batch size after their rounds."""
    pythons = dict(pair.split("=", 1) for pair in arguments.python)
    entries = [(REFERENCE, _FP32)]
    entries += [(name, precision) for precision in arguments.precision for name in (ROOFLINE, *arguments.engine)]
    sides = []
    with ExitStack() as at_end:
        for name, precision in entries:
            work = Work(
                name=name, precision=precision, batch_size=batch_size, cpus=arguments.cpus,
                max_ind_range=arguments.max_ind_range, alpha=arguments.alpha, tables_fd=tables[precision],
                profile=arguments.profile,
            )  # fmt: skip
            process = SideProcess(
                "_dlrm.side", work, pythons.get(name) or interpreter_for(name), pass_fds=(work.tables_fd,)
            )
            at_end.callback(process.end)
            ready = process.read_ready(Ready)  # before the next one starts: compilers would slow each other down
            sides.append(Side(name=name, precision=precision, process=process, ready=ready))
        running = [side for side in sides if side.ready.skipped is None]
        for side in running:
            side.run(arguments.seconds)
            side.rates.clear()
        for _ in range(arguments.rounds):
            for side in running:
                side.run(arguments.seconds)
    return sides


def ratio(side: Side, other: Side) -> float:
    return statistics.median(ours / theirs for ours, theirs in zip(side.rates, other.rates, strict=True))


def row(side: Side, batch_size: int, sides: list[Side]) -> str:
    begin = f"{batch_size:>6} {side.precision:10} {side.name:12}"
    if side.ready.skipped is not None:
        return f"{begin} skipped: {side.ready.skipped}"
    by_name = {(other.name, other.precision): other for other in sides}
    median = statistics.median(side.rates)
    spread = (max(side.rates) - min(side.rates)) / median
    ceiling = by_name.get((ROOFLINE, side.precision))
    share = "" if ceiling is None else f"{ratio(side, ceiling):.0%}"
    facts = side.ready.facts
    compiled = "" if facts is None or facts.compile_s is None else f"{facts.compile_s:.1f}{'*' * facts.reused}"
    error = "" if side.ready.logit_error is None else f"{side.ready.logit_error:.1e}"
    reference = by_name[REFERENCE, _FP32]
    over = f"{ratio(side, reference):.2f}x"
    best = f"{max(side.rates) / max(reference.rates):.2f}x"
    return f"{begin} {median:12,.0f} {spread:8.0%} {over:>11} {best:>8} {share:>10} {compiled:>10} {error:>12}"


def differs(side: Side, limit_percent: float) -> bool:
    ready = side.ready
    if ready.logit_error is None or ready.tolerance is None:
        return False
    return not ready.logit_error <= ready.tolerance * limit_percent / PERCENT  # NaN is not below anything


def parse() -> argparse.Namespace:
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # not on AVX2 alone, nor on Arm before 8.6
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1, 128, 2048])
    parser.add_argument("--precision", nargs="+", default=[_FP32, *(["bfloat16"] if has_bfloat16 else [])])
    parser.add_argument("--engine", nargs="+", default=list(plugin_names(engines)))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--max-ind-range", type=int, default=MAX_IND_RANGE)
    parser.add_argument("--alpha", type=float, default=ALPHA)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--limit-percent", type=float, default=100.0, help="of the tolerance, for outputs")
    parser.add_argument("--profile", action="store_true", help="tell where the time of a call of pinned goes")
    parser.add_argument("--python", action="append", default=[], metavar="ENGINE=PATH", help="interpreter of an engine")
    arguments = parser.parse_args()
    arguments.cpus = tuple(sorted(os.sched_getaffinity(0)))[: arguments.threads]
    return arguments


def main() -> int:
    arguments = parse()
    needed = dict.fromkeys([_FP32, *arguments.precision])
    tables = {name: shared_tables(name, arguments.max_ind_range, arguments.threads) for name in needed}
    print(
        f"{'batch':>6} {'precision':10} {'engine':12} {'samples/s':>12} {'spread':>8} {'x reference':>11} "
        f"{'best':>8} {'roofline':>10} {'compile s':>10} {'logit error':>12}   (* compiled earlier)"
    )
    watch, wrong = Watch(), []
    for batch_size in arguments.batch_size:
        sides = race(batch_size, arguments, tables)
        for side in sides:
            print(row(side, batch_size, sides), flush=True)
        for side in sides:
            if side.ready.profile is not None:
                print(side.ready.profile, flush=True)
        wrong += [side for side in sides if differs(side, arguments.limit_percent)]
    for side in wrong:
        print(
            f"{side.name} {side.precision} differs from fp32 by more than {arguments.limit_percent:g} % of "
            f"{side.ready.tolerance:g}",
            file=sys.stderr,
        )
    print(watch.says())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
