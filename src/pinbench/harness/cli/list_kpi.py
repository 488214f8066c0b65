"""``pinbench list-kpi DIR...``: the KPIs of many runs, and their statistics."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pinbench.base.errors import ExitCode, UsageError
from pinbench.harness.record.recent import recent
from pinbench.harness.report import csv, json, sweep, table
from pinbench.harness.report.entries import Outcome, read_entries
from pinbench.harness.report.listing import Listing

HELP = "list the KPIs of log directories, with statistics for each case"

_FORMATS = {"list": table, "json": json, "csv": csv, "sweep": sweep}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "directories", type=Path, nargs="*", metavar="DIR", help="a log directory, an itr-N, or a folder that has some"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--primary", action="store_true", help="only the key KPI, which starts with an asterisk")
    which.add_argument("--all", action="store_true", help="all KPIs (default)")
    parser.add_argument("--params", action="store_true", help="also the parameters and what was read back of them")
    parser.add_argument("--recent", action="store_true", help="the runs that the build remembers (.log_files)")
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        default="list",
        help="sweep: the points of each case side by side, the best named; default: %(default)s",
    )


def run(arguments: Namespace) -> int:
    """Print the listing; 1 when an iteration failed or is incomplete."""
    directories = [*arguments.directories, *(recent(Path.cwd()) if arguments.recent else ())]
    if not directories:
        raise UsageError("no log directory given: name some, or say --recent")
    entries = read_entries(directories)
    listing = Listing(entries=entries, primary_only=arguments.primary, parameters=arguments.params)
    print(_FORMATS[arguments.format].render(listing), end="")
    failed = any(entry.outcome in (Outcome.FAILED, Outcome.INCOMPLETE) for entry in entries)
    return ExitCode.FAILED if failed else ExitCode.PASSED
