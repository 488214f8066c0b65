"""``pinbench mlperf``: MLPerf's logs of trainings, checked and packed for a submission; one file a command."""

from argparse import ArgumentParser, Namespace
from types import ModuleType

from pinbench.harness.cli import _mlperf_check, _mlperf_package

HELP = "check MLPerf's logs of trainings, and pack them for a submission"

_COMMANDS: dict[str, ModuleType] = {"check": _mlperf_check, "package": _mlperf_package}


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    commands = parser.add_subparsers(dest="mlperf_command", metavar="COMMAND", required=True)
    for name, module in _COMMANDS.items():
        module.configure(commands.add_parser(name, help=module.HELP, description=module.HELP, allow_abbrev=False))


def run(arguments: Namespace) -> int:
    """Run the command and return its exit code."""
    return int(_COMMANDS[arguments.mlperf_command].run(arguments))
