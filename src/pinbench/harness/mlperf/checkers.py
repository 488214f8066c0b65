"""MLCommons' checkers of training logs, each run as a program of its own, and what they answer."""

import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import HostError, UsageError
from pinbench.contract.mlperf import BENCHMARKS
from pinbench.harness.launch.process import run_tool

_LIMIT_S = 300.0
_BAD_USAGE = 2  # argparse's exit code
# package_checker's exit code is always 0; this is the only line that a package without errors gets.
_PACKAGE_IS_GOOD = "PACKAGE CHECKER FOUND NO ERRORS, SUCCESS !"
_DESCRIPTION_IS_GOOD = "System description checker passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a checker said."""

    passed: bool
    text: str


def require_checkers() -> None:
    """Check that MLCommons' checkers are installed.

    Raises:
        HostError: they are not; says how to get them.
    """
    if importlib.util.find_spec("mlperf_logging") is None:
        raise HostError(
            "MLPerf's checkers are in mlperf-logging, which this interpreter does not have; "
            "`script/env/python mlperf` installs it"
        )


def check_compliance(log: Path, ruleset: str) -> Answer:
    """Return what compliance_checker says of a log; warnings are errors.

    Raises:
        UsageError: it has no such ruleset.
    """
    return _run("compliance_checker", ["--usage", "training", "--ruleset", ruleset, "--werror", str(log.absolute())])


def check_system(description: Path, ruleset: str) -> Answer:
    """Return what system_desc_checker says of a systems/*.json."""
    answer = _run("system_desc_checker", [str(description.absolute()), "training", ruleset])
    return Answer(passed=answer.passed and _DESCRIPTION_IS_GOOD in answer.text, text=answer.text)


def check_package(package: Path, benchmark: str) -> Answer:
    """Return what package_checker says of a package."""
    words = [str(package.absolute()), "training", BENCHMARKS[benchmark].ruleset, "--werror"]
    answer = _run("package_checker", words)
    return Answer(passed=answer.passed and _PACKAGE_IS_GOOD in answer.text, text=answer.text)


def _run(checker: str, words: Sequence[str]) -> Answer:
    """Run `checker` where the log that it keeps of itself is in nobody's way."""
    with tempfile.TemporaryDirectory(prefix="pinbench-mlperf-") as folder:
        command = [sys.executable, "-P", "-m", f"mlperf_logging.{checker}", *words, "--log_output", f"{folder}/log"]
        done = run_tool(command, timeout_s=_LIMIT_S, cwd=Path(folder))
    if done.returncode == _BAD_USAGE:
        raise UsageError(f"{checker}: {done.stderr.strip().rpartition(chr(10))[2]}")
    return Answer(passed=done.returncode == 0, text=done.stderr + done.stdout)
