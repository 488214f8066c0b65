"""``pinbench mlperf check``: whether a log obeys MLPerf's rules and tells of a training that succeeded."""

import math
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pinbench.base.errors import ExitCode, UsageError
from pinbench.contract.mlperf import BENCHMARKS
from pinbench.harness.mlperf.check import faults, minutes_to_train
from pinbench.harness.mlperf.checkers import check_compliance, require_checkers
from pinbench.harness.mlperf.log import Log, read_log

HELP = "whether a log obeys MLPerf's rules, and tells of a training that reached its target"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    parser.add_argument("log", type=Path, metavar="LOG", help="a log that MLPERF_LOGGING=True has written")
    parser.add_argument("--target", metavar="X", help="the quality to reach; default: that of the benchmark's rules")
    parser.add_argument(
        "--ruleset", metavar="V", help="the rules' version, e.g. 2.1.0; default: the newest that has the benchmark"
    )


def run(arguments: Namespace) -> int:
    """Print one line with the verdict, and what the compliance checker said where it refused the log."""
    target = None if arguments.target is None else target_quality(arguments.target)
    require_checkers()
    log = read_log(arguments.log)
    ruleset = arguments.ruleset or BENCHMARKS[log.benchmark].ruleset
    return ExitCode.PASSED if is_good(log, ruleset, target) else ExitCode.FAILED


def target_quality(text: str) -> float:
    """Return the quality that ``--target`` gives.

    Raises:
        UsageError: it is no share of 1.
    """
    try:
        target = float(text)
    except ValueError:
        target = math.nan
    if not 0 <= target <= 1:
        raise UsageError(f"--target must be a number from 0 to 1, got {text!r}")
    return target


def is_good(log: Log, ruleset: str, target: float | None) -> bool:
    """Print the verdict on `log`, and return it; `target` None is the one of the rules."""
    rules = BENCHMARKS[log.benchmark]
    asked = rules.target if target is None else target
    found = faults(log, asked)
    answer = check_compliance(log.path, ruleset)
    what = f"{log.benchmark}, {log.division}, ruleset {ruleset}"
    if answer.passed and not found:
        quality = log.values("eval_accuracy")[-1]
        print(
            f"{log.path}: passes ({what}): {rules.metric} {quality:g} of {asked:g} "
            f"after {minutes_to_train(log):.3g} minutes"
        )
        return True
    refused = () if answer.passed else (f"compliance_checker refuses it under ruleset {ruleset}",)
    print(f"{log.path}: fails ({what}): {'; '.join((*found, *refused))}")
    if not answer.passed:
        sys.stdout.flush()
        print(answer.text, end="", file=sys.stderr)
    return False
