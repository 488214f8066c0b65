"""``pinbench kpi DIR``: the KPI block of a run; also the whole of a log directory's own kpi.pyz."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pinbench.base.errors import ExitCode, RecordError, UsageError
from pinbench.contract.result import Status
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import format_block
from pinbench.harness.record.discover import RECORD, is_iteration, iterations
from pinbench.harness.record.schema import read_record

HELP = "print the KPI block of a log directory or of one iteration in it"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="logs-<case>, or an itr-N in it")


def run(arguments: Namespace) -> int:
    """Print a block for each iteration; 1 when one of them has no number."""
    directory: Path = arguments.directory
    if not directory.is_dir():
        raise UsageError(f"no such directory: {directory}")
    found = (directory,) if is_iteration(directory) else iterations(directory)
    if not found:
        raise RecordError(f"{directory} holds no iteration (itr-1, ...): its run did not come that far")
    passed = True
    for iteration in found:
        if len(found) > 1:
            print(f"# {iteration.name}")
        passed = _print_block(iteration) and passed
    return ExitCode.PASSED if passed else ExitCode.FAILED


def _print_block(iteration: Path) -> bool:
    if not (iteration / RECORD).is_file():
        print("# status: incomplete\n# reason: the run was killed, or goes on")
        return False
    record, block = conclude(read_record(iteration / RECORD))
    print(format_block(block), end="")
    return record.status is Status.PASSED
