"""``pinbench ctest``: what ctest.sh hands its words to; ends by becoming ctest."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pinbench.base.errors import ExitCode, PinbenchError
from pinbench.harness.case.describe import describe_text
from pinbench.harness.case.platforms import Platform, load_platforms
from pinbench.harness.case.workload import Workload, load_workload
from pinbench.harness.cli._build_folder import read_settings
from pinbench.harness.cli._ctest_containers import run_container_action
from pinbench.harness.cli._ctest_selection import require_selection
from pinbench.harness.cli._ctest_sweep import make_sweep, require_pattern_alone, run_sweep, without_pattern
from pinbench.harness.cli._ctest_words import Words, parse_words
from pinbench.harness.host.facts import read_facts

HELP = "the program behind ctest.sh"

_USAGE = """\
usage: ./ctest.sh [options]      at the top for all workloads, in build/workload/<W> for one

choose cases (options of ctest; all of them are passed on)
  -N                      list the cases, run nothing
  -R REGEX, -E REGEX      run, leave out the cases whose name matches
  -L REGEX, -LE REGEX     the same for labels: workload, function, mode, precision, gated, pkm, full
  --testcase NAME         exactly this case: -R ^NAME$
  --rerun-failed          what failed last time
  -V, -Q, -O FILE ...     as ctest --help says; -V shows the KPIs

change parameters (a case with a change is recorded as customized)
  --set NAME=VALUE        repeatable; stands above --config, and --config above the environment (NAME=VALUE ./ctest.sh)
  --config FILE           YAML: sections are patterns of test names, below them NAME: VALUE
  --sweep NAME=V1,V2,...  repeatable: the cases of -R with each combination of the values; a table names the best
  --describe-params       every parameter: default, allowed values, meaning

run
  --run N                 each case N times, all kept: itr-1 ... itr-N; with --sweep N rounds over all points
  --dry-run               print the plan, run nothing
  --help                  this text

containers (BACKEND=docker)
  --status[=N]            the containers of cases, and the last N lines of each
  --stop[=PREFIX]         end those whose case begins so, or all; who waits for one gets its logs
  --check-docker-image    whether the images of the cases (of -R) are here or in the registry
  --push-docker-image[=REGISTRY]   push them there

exit code: 0 all passed or skipped; 2 wrong usage, or -R selects nothing; 8 a case failed (ctest's own)
"""


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments; ctest.sh gives them, the user's words come last."""
    parser.add_argument("--door", required=True, help="how the user called ctest.sh")
    parser.add_argument("--build", required=True, type=Path, metavar="DIR", help="the build folder to run in")
    parser.add_argument("--ctest", required=True, metavar="PATH", help="the ctest program; empty for --help")
    parser.add_argument("words", nargs="*", help="after '--': the user's words")


def run(arguments: Namespace) -> int:
    """Become ctest with the user's choice; returns only when there is nothing to run."""
    words = parse_words(arguments.words)
    if words.help or not arguments.words:
        print(_USAGE, end="")
        return ExitCode.PASSED if words.help else ExitCode.BAD_USAGE
    settings = read_settings(arguments.build)
    workloads = [load_workload(Path(each.source)) for each in settings]
    if words.describe:
        print("\n".join(describe_text(workload) for workload in workloads), end="")
        return ExitCode.PASSED
    if words.pattern is not None and settings:
        require_selection(words.pattern, workloads, _platform(arguments.build))
    if words.container_action is not None:
        return run_container_action(words, settings, _platform(arguments.build))
    command = [arguments.door, *arguments.words]
    environment = {**_without_ours(os.environ), **handover(words, command, Path.cwd())}
    if words.sweep:
        return _sweep(arguments, words, workloads, environment)
    sys.stdout.flush()
    try:
        os.execve(arguments.ctest, ctest_command(arguments.ctest, arguments.build, words), environment)
    except OSError as error:
        raise PinbenchError(f"cannot start {arguments.ctest}: {error.strerror}") from error


def _sweep(arguments: Namespace, words: Words, workloads: Sequence[Workload], environment: dict[str, str]) -> int:
    require_pattern_alone(words)
    platform = _platform(arguments.build)
    work = make_sweep(words, workloads, platform, os.environ)
    plain = replace(words, native=without_pattern(words.native), runs=None)
    environment.pop("PINBENCH_RUN", None)  # rounds, not iterations
    ctest = ctest_command(arguments.ctest, arguments.build, plain)
    return run_sweep(work, words, ctest, arguments.build, environment)


def ctest_command(ctest: str, build: Path, words: Words) -> list[str]:
    """Return the command line of ctest; a choice that selects nothing is an error there too."""
    chosen = any(word.startswith("--no-tests=") for word in words.native)
    return [ctest, "--test-dir", str(build), *([] if chosen else ["--no-tests=error"]), *words.native]


def handover(words: Words, command: Sequence[str], folder: Path) -> dict[str, str]:
    """Return the variables by which `pinbench run`, a grandchild behind ctest, gets what ctest does not know.

    Args:
        words: the user's choice.
        command: what the user typed, to be recorded.
        folder: where the user typed it: relative paths among the parameters start there, and ctest leaves it.
    """
    given = {
        "PINBENCH_SET": json.dumps(words.settings) if words.settings else None,
        "PINBENCH_CONFIG": str(words.config) if words.config else None,
        "PINBENCH_RUN": str(words.runs) if words.runs else None,
        "PINBENCH_DRY_RUN": "1" if words.dry_run else None,
        "PINBENCH_COMMAND": json.dumps(list(command)),
        "PINBENCH_FOLDER": str(folder),
    }
    return {name: value for name, value in given.items() if value is not None}


def _platform(build: Path) -> Platform:
    return load_platforms().choose(read_settings(build)[0].platform, read_facts())


def _without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without what an outer ctest.sh may have handed over to somebody else."""
    ours = {
        "PINBENCH_SET",
        "PINBENCH_CONFIG",
        "PINBENCH_RUN",
        "PINBENCH_DRY_RUN",
        "PINBENCH_COMMAND",
        "PINBENCH_FOLDER",
    }
    return {name: value for name, value in environment.items() if name not in ours}
