"""The command line: one file a subcommand.

A subcommand is a module of this package with

    HELP: str                                        one line
    def configure(parser: ArgumentParser) -> None    its arguments
    def run(arguments: Namespace) -> int             the exit code

Only the module that is asked for is imported: listing cases must stay fast.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from pinbench import __version__
from pinbench.base.errors import ExitCode, PinbenchError
from pinbench.base.plugin import load_plugin, plugin_names

_SUMMARY = "usage: pinbench [--version] [--help] COMMAND ...\n\ncommands:"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the subcommand that `argv` names and return its exit code; errors are one line on stderr."""
    words = list(sys.argv[1:] if argv is None else argv)
    package = sys.modules[__name__]
    try:
        if not words or words[0] in ("-h", "--help"):
            print(_SUMMARY)
            for name in plugin_names(package):
                print(f"  {name.replace('_', '-'):12} {importlib.import_module(f'{__name__}.{name}').HELP}")
            return ExitCode.PASSED if words else ExitCode.BAD_USAGE
        if words[0] == "--version":
            print(__version__)
            return ExitCode.PASSED
        command = load_plugin(package, words[0].replace("-", "_"))
        parser = argparse.ArgumentParser(prog=f"pinbench {words[0]}", description=command.HELP, allow_abbrev=False)
        command.configure(parser)
        return int(command.run(parser.parse_args(words[1:])))
    except PinbenchError as error:
        print(f"pinbench: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("pinbench: interrupted", file=sys.stderr)
        return 130
