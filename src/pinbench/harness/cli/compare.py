"""``pinbench compare BASE NEW``: whether runs differ by more than their noise; its exit code can stop a pipeline."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pinbench.base.errors import ExitCode, UsageError
from pinbench.base.jsonio import to_jsonable
from pinbench.base.units import PERCENT
from pinbench.harness.report.compare import Demand, Line, Verdict, compare, differences, left_out, text
from pinbench.harness.report.entries import read_entries

HELP = "compare the runs of two log directories: ratio, interval, rank test"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    where = "a log directory, or a folder that has some: each iteration in it is a run"
    parser.add_argument("base", type=Path, metavar="BASE", help=where)
    parser.add_argument("new", type=Path, metavar="NEW", help="the same, of what is held against BASE")
    parser.add_argument("--threshold", default="1%", metavar="N%", help="the least difference that counts [1%%]")
    parser.add_argument("--confidence", default="98%", metavar="N%", help="of interval and test [98%%]")
    parser.add_argument("--all", action="store_true", help="all KPIs that have a better side, not only the key KPI")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="NAME", help="a parameter that may differ; repeatable"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")


def run(arguments: Namespace) -> int:
    """Print the comparison; 1 when a KPI is worse."""
    demand = Demand(
        threshold=_share("--threshold", arguments.threshold),
        confidence=_share("--confidence", arguments.confidence),
        allowed=frozenset(arguments.allow),
        all_kpis=arguments.all,
    )
    base, new = (read_entries([side]) for side in (arguments.base, arguments.new))
    lines = compare(base, new, demand)
    if arguments.format == "json":
        print(json.dumps([_jsonable(line) for line in lines], indent=1))
    else:
        print(text(lines, demand), end="")
        for difference in differences(base, new):
            print(f"# {difference}")
        for name in left_out(base, new):
            print(f"# {name}: numbers on one side only")
    return ExitCode.FAILED if any(line.verdict is Verdict.WORSE for line in lines) else ExitCode.PASSED


def _share(option: str, given: str) -> float:
    try:
        share = float(given.removesuffix("%")) / PERCENT
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise UsageError(f"{option} must be a percentage from 0 to below 100, such as 2%, got {given!r}")
    return share


def _jsonable(line: Line) -> dict[str, object]:
    return {
        "case": line.case.name,
        "kpi": line.kpi.name,
        "unit": line.kpi.unit,
        "n_base": line.n_base,
        "n_new": line.n_new,
        "ratio": None if line.ratio is None else to_jsonable(line.ratio),
        "p": line.p,
        "verdict": line.verdict.value,
        "note": line.note,
    }
