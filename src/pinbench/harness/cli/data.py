"""``pinbench data``: raw data sets into what a case with DATA_TYPE=real reads; one file a command."""

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import ModuleType

from pinbench.base.errors import ExitCode
from pinbench.base.jsonio import write_json
from pinbench.harness.cli import _data_bert, _data_criteo, _data_describe, _data_download, _data_synthetic
from pinbench.harness.launch.process import run_job

HELP = "turn raw data into what DATA_TYPE=real reads"

_COMMANDS: dict[str, ModuleType] = {
    "criteo": _data_criteo,
    "synthetic": _data_synthetic,
    "describe": _data_describe,
    "download": _data_download,
    "bert": _data_bert,
}


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    commands = parser.add_subparsers(dest="data_command", metavar="COMMAND", required=True)
    for name, module in _COMMANDS.items():
        module.configure(commands.add_parser(name, help=module.HELP, description=module.HELP, allow_abbrev=False))


def run(arguments: Namespace) -> int:
    """Run the job in a process of its own (it needs numpy) and show what it wrote."""
    module = _COMMANDS[arguments.data_command]
    order = module.make_order(arguments)
    with tempfile.TemporaryDirectory(prefix="pinbench-data-") as folder:
        orders = Path(folder) / "orders.json"
        write_json(orders, {"command": order.command, "job": order.job})
        command = [sys.executable, "-m", "pinbench.worker.data.main", str(orders)]
        code = run_job(command, reads_stdin=order.reads_stdin)
    if code == ExitCode.PASSED:
        module.show(order)
    return code
