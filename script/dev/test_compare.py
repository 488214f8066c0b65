"""Holds ``pinbench compare`` against real runs: how often equal runs are called different, and slower ones found.

Runs a step that computes (dummy, STEP_HASH_KIB) in rounds of three: base, the same again, and one with more work, in
an order drawn anew for each round, so that what the host does meets all three. Each comparison has runs of its own.
"""

import argparse
import contextlib
import io
import json
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean, median, stdev

from pinbench.base.units import PERCENT
from pinbench.harness.cli import main as pinbench
from pinbench.harness.report.compare import Demand, Line, Verdict, compare
from pinbench.harness.report.entries import Entry, read_entries

_ROOT = Path(__file__).resolve().parents[2]
_CASE = "dummy_throughput_gated"
_WORK = "STEP_HASH_KIB"
_ARMS = ("base", "same", "slower")
_KPIS = ("Throughput", "P50 Latency")  # of the wall's time, others' work included; and of steps that nobody disturbed
_MOST_FALSE, _LEAST_FOUND = 0.05, 0.80  # shares of the comparisons


def main() -> int:
    """Run and judge; 1 when more equal runs are called different, or fewer slower ones found, than demanded."""
    arguments = _arguments()
    with contextlib.ExitStack() as stack:
        folder: Path = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if not arguments.judge_only:
            _run_all(arguments, folder)
        return _judge(arguments, folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=40, metavar="N", help="of each kind [%(default)s]")
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="of each side [%(default)s]")
    parser.add_argument("--slowdown", type=float, default=3.0, metavar="PERCENT", help="injected [%(default)s]")
    parser.add_argument("--work-kib", type=float, default=1000, metavar="N", help="hashed a step [%(default)s]")
    parser.add_argument("--window-s", type=float, default=0.3, metavar="S", help="of a run [%(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="of the order of runs [%(default)s]")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keeps the runs")
    parser.add_argument("--judge-only", action="store_true", help="start nothing: judge the runs of --folder")
    parser.add_argument("--kpi", action="append", metavar="NAME", help=f"repeatable {list(_KPIS)}")
    parser.add_argument("--save", type=Path, metavar="FILE", help="the values as JSON")
    return parser.parse_args()


def _run_all(arguments: argparse.Namespace, folder: Path) -> None:
    source = random.Random(arguments.seed)
    work_kib = dict.fromkeys(_ARMS, arguments.work_kib)
    work_kib["slower"] *= 1 + arguments.slowdown / PERCENT
    for number in range(arguments.comparisons):
        for _ in range(arguments.runs):
            for arm in source.sample(_ARMS, len(_ARMS)):
                _run(folder / f"{number:03}" / arm, work_kib[arm], arguments.window_s)
        print(f"comparison {number + 1} of {arguments.comparisons} is run", flush=True)


def _run(logs_root: Path, work_kib: float, window_s: float) -> None:
    settings = {"STEP_MS": 0, _WORK: work_kib, "INSTANCE_NUMBER": 1, "STEPS": 10, "MIN_DURATION": window_s}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        workload = str(_ROOT / "workload" / "dummy")
        code = pinbench(["run", "--workload", workload, "--case", _CASE, "--logs-root", str(logs_root), *words])
    if code:
        sys.exit(f"a run ended with {code}:\n{said.getvalue()}")


def _judge(arguments: argparse.Namespace, folder: Path) -> int:
    kpis = tuple(arguments.kpi or _KPIS)
    demand = Demand(threshold=0.01, confidence=0.98, allowed=frozenset({_WORK}), kpis=kpis)
    found: dict[tuple[str, str], list[Line]] = {(arm, kpi): [] for arm in _ARMS[1:] for kpi in kpis}
    values: dict[str, dict[str, list[list[float]]]] = {kpi: {arm: [] for arm in _ARMS} for kpi in kpis}
    for comparison in sorted(folder.iterdir()):
        sides = {arm: read_entries([comparison / arm]) for arm in _ARMS}
        for kpi, arm in product(kpis, _ARMS):
            values[kpi][arm].append(_in_order(sides[arm], kpi))
        for arm in _ARMS[1:]:
            for line in compare(sides["base"], sides[arm], demand).lines:
                found[arm, line.kpi.name].append(line)
    if arguments.save:
        arguments.save.write_text(json.dumps(values) + "\n", encoding="utf-8")
    held = [_report(kpi, found, values[kpi]["base"], arguments.slowdown) for kpi in kpis]
    return 0 if all(held) else 1


def _report(
    kpi: str, found: Mapping[tuple[str, str], Sequence[Line]], base: Sequence[Sequence[float]], slowdown: float
) -> bool:
    """Print what was found of one KPI, and return whether it is what is demanded."""
    variation = median(PERCENT * stdev(values) / fmean(values) for values in base)
    false = [line.verdict in (Verdict.BETTER, Verdict.WORSE) for line in found["same", kpi]]
    slower = [line.verdict is Verdict.WORSE for line in found["slower", kpi]]
    pairs = sum(line.is_paired for line in found["same", kpi])
    print(f"{kpi}: {pairs} of {len(false)} comparisons of pairs, runs of one side vary by {variation:.1f} % (median)")
    _say("equal runs called different", false, f"at most {_MOST_FALSE:.0%}")
    _say(f"{slowdown:g} % slower runs found", slower, f"at least {_LEAST_FOUND:.0%}")
    return sum(false) <= _MOST_FALSE * len(false) and sum(slower) >= _LEAST_FOUND * len(slower)


def _in_order(entries: Sequence[Entry], name: str) -> list[float]:
    """Return the values of a KPI in order of time."""
    ordered = sorted(entries, key=lambda entry: entry.started_at or "")
    return [float(kpi.value) for entry in ordered for kpi in entry.kpis if kpi.name == name]


def _say(what: str, hits: Sequence[bool], limit: str) -> None:
    print(f"  {what}: {sum(hits)} of {len(hits)} ({sum(hits) / len(hits):.1%}), demanded {limit}")


if __name__ == "__main__":
    sys.exit(main())
