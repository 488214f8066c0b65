"""``pinbench list-kpi DIR...``: the KPIs of many runs, their statistics, and how they compare with others."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from pinbench.base.errors import ExitCode, RecordError, UsageError
from pinbench.base.plugin import load_plugin, plugin_names
from pinbench.harness.cli import _comparison
from pinbench.harness.record.recent import recent
from pinbench.harness.report import format as formats
from pinbench.harness.report.compare import Comparison, compare
from pinbench.harness.report.entries import Entry, Outcome, read_entries
from pinbench.harness.report.listing import Listing

HELP = "list the KPIs of log directories, with statistics for each case"

_DEFAULT = "list"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "directories", type=Path, nargs="*", metavar="DIR", help="a log directory, an itr-N, or a folder that has some"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--primary", action="store_true", help="only the key KPI, which starts with an asterisk")
    which.add_argument("--all", action="store_true", help="all KPIs (default)")
    parser.add_argument("--params", action="store_true", help="also the parameters and what was read back of them")
    parser.add_argument("--sutinfo", action="store_true", help="also the machine and the software of each run")
    parser.add_argument("--recent", action="store_true", help="the runs that the build remembers (.log_files)")
    parser.add_argument(
        "--format",
        choices=[name.replace("_", "-") for name in plugin_names(formats)],
        help=f"default: by the ending of --file, else {_DEFAULT}; sweep: the points of each case side by side",
    )
    parser.add_argument("--file", type=Path, metavar="FILE", help="write there instead of to the terminal")
    parser.add_argument("--compare", type=Path, metavar="BASE", help="hold these runs against those of BASE")
    _comparison.configure(parser.add_argument_group("with --compare"))


def run(arguments: Namespace) -> int:
    """Print or write the listing; 1 when an iteration failed or is incomplete, or the comparison says so."""
    directories = [*arguments.directories, *(recent(Path.cwd()) if arguments.recent else ())]
    if not directories:
        raise UsageError("no log directory given: name some, or say --recent")
    chosen = load_plugin(formats, _format_name(arguments))
    demand = _comparison.demand(arguments)
    entries = read_entries(directories)
    comparison = None
    if arguments.compare is not None:
        comparison = compare(read_entries([arguments.compare]), entries, demand)
    listing = Listing(
        entries=entries,
        primary_only=arguments.primary,
        parameters=arguments.params,
        system=arguments.sutinfo,
        comparison=comparison,
    )
    _deliver(chosen.render(listing), arguments.file)
    return _exit_code(entries, comparison, arguments.fail_on)


def _format_name(arguments: Namespace) -> str:
    if arguments.format is not None:
        return str(arguments.format).replace("-", "_")
    if arguments.file is None:
        return _DEFAULT
    endings = {load_plugin(formats, name).ENDING: name for name in plugin_names(formats)}
    name = endings.get(arguments.file.suffix) if arguments.file.suffix else None
    if name is None:
        known = ", ".join(ending for ending in endings if ending)
        raise UsageError(f"--file {arguments.file}: no format has this ending; say --format, or use one of {known}")
    return name


def _deliver(content: str | bytes, file: Path | None) -> None:
    if file is None:
        if isinstance(content, bytes):
            raise UsageError("this format is not a text: name a file for it by --file")
        sys.stdout.write(content)
        return
    try:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise RecordError(f"cannot write --file {file}: {error.strerror}") from error


def _exit_code(entries: Sequence[Entry], comparison: Comparison | None, fail_on: str) -> ExitCode:
    failed = any(entry.outcome in (Outcome.FAILED, Outcome.INCOMPLETE) for entry in entries)
    compared = ExitCode.PASSED if comparison is None else _comparison.exit_code(comparison, fail_on)
    return ExitCode.FAILED if failed else compared
