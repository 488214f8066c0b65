"""``pinbench compare BASE NEW``: whether runs differ by more than their noise; its exit code can stop a pipeline."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pinbench.harness.cli import _comparison
from pinbench.harness.report.compare import compare
from pinbench.harness.report.compare_text import text
from pinbench.harness.report.entries import read_entries
from pinbench.harness.report.format.json import compared

HELP = "compare the runs of two log directories: ratio, interval, rank test"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    where = "a log directory, or a folder that has some: each iteration in it is a run"
    parser.add_argument("base", type=Path, metavar="BASE", help=where)
    parser.add_argument("new", type=Path, metavar="NEW", help="the same, of what is held against BASE")
    _comparison.configure(parser)
    parser.add_argument("--all", action="store_true", help="all KPIs that have a better side, not only the key KPI")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")


def run(arguments: Namespace) -> int:
    """Print the comparison; 1 when a KPI is worse."""
    demand = _comparison.demand(arguments, all_kpis=arguments.all)
    comparison = compare(read_entries([arguments.base]), read_entries([arguments.new]), demand)
    if arguments.format == "json":
        print(json.dumps(compared(comparison), indent=1))
    else:
        print(text(comparison), end="")
    return _comparison.exit_code(comparison, arguments.fail_on)
