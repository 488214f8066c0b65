"""``ctest.sh --sweep``: each chosen case once for every combination of the values, the best of which is then named."""

import json
import re
import signal
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pinbench.base.errors import HostError, UsageError
from pinbench.contract.case import Case
from pinbench.harness.case.catalog import cases
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.override import customise
from pinbench.harness.case.parameter import parse_value
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.workload import DIMENSIONS, Workload
from pinbench.harness.cli._ctest_words import Words
from pinbench.harness.launch.process import run_job
from pinbench.harness.record.store import LOGS_PREFIX
from pinbench.harness.report import sweep
from pinbench.harness.report.entries import read_entries
from pinbench.harness.report.listing import Listing

_INTERRUPTED = (128 + signal.SIGINT, 128 + signal.SIGTERM)  # what a shell makes of them

_PATTERNS = {"-R", "--tests-regex"}
_CHOOSERS = {
    "-L", "--label-regex", "-E", "--exclude-regex", "-LE", "--label-exclude", "-I", "--tests-information",
    "--rerun-failed", "-N", "--show-only", "--tests-from-file", "--exclude-from-file", "-U", "--union",
}  # fmt: skip

Axis = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A case with one value of each axis."""

    workload: Workload
    case: Case
    settings: tuple[str, ...]  # NAME=VALUE

    @property
    def name(self) -> str:
        """The name by which ctest knows the case."""
        return TEST_PREFIX + self.case.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What is to run, and what is left out."""

    points: tuple[Point, ...]
    left_out: tuple[str, ...]  # a line each: the combination and why it cannot be


def parse_axis(text: str) -> Axis:
    """Return name and values of ``NAME=VALUE,VALUE,...``.

    Raises:
        UsageError: it is not of that form, or a value stands there twice.
    """
    name, sign, values = text.partition("=")
    found = tuple(value.strip() for value in values.split(","))
    if not sign or not name.strip() or not all(found):
        raise UsageError(f"--sweep {text!r} is not NAME=VALUE,VALUE,...")
    twice = next((value for value in found if found.count(value) > 1), None)
    if twice is not None:
        raise UsageError(f"--sweep {text!r} names {twice!r} twice")
    return name.strip(), found


def make_sweep(
    words: Words, workloads: Sequence[Workload], platform: Platform, environment: Mapping[str, str]
) -> Sweep:
    """Return all points of `words`, each checked as its run will check it.

    Raises:
        UsageError: no case is chosen, an axis is no parameter of a chosen case, or a value is not legal for it.
    """
    axes = [parse_axis(text) for text in words.sweep]
    names = [name for name, _ in axes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"--sweep names {twice} twice; write all of its values behind one")
    if words.pattern is None:
        raise UsageError("--sweep needs to know the cases: choose them by -R or --testcase")
    points: list[Point] = []
    left_out: list[str] = []
    for workload, case in _chosen(words.pattern, workloads, platform):
        _check_axes(workload, axes)
        for values in product(*(values for _, values in axes)):
            settings = tuple(f"{name}={value}" for name, value in zip(names, values, strict=True))
            try:
                changed = customise(
                    workload, case, environment=environment, config=words.config,
                    assignments=[*words.settings, *settings], directory=Path.cwd(),
                )  # fmt: skip
            except (UsageError, HostError) as error:
                left_out.append(f"{TEST_PREFIX}{case.name} with {' '.join(settings)}: {error}")
            else:
                points.append(Point(workload=workload, case=changed, settings=settings))
    if not points:
        raise UsageError(f"--sweep has no point that can run; {left_out[0]}")
    return Sweep(points=tuple(points), left_out=tuple(left_out))


def require_pattern_alone(words: Words) -> None:
    """Refuse what would choose among the points behind their backs.

    Raises:
        UsageError: names the word.
    """
    names = {word.partition("=")[0] for word in words.native}
    if found := sorted(names & _CHOOSERS):
        raise UsageError(f"--sweep chooses its cases by -R or --testcase alone; leave out {found[0]}")


def without_pattern(native: Sequence[str]) -> list[str]:
    """Return words for ctest without -R and its value."""
    kept: list[str] = []
    rest = iter(native)
    for word in rest:
        if word in _PATTERNS:
            next(rest)
        else:
            kept.append(word)
    return kept


def run_sweep(work: Sweep, words: Words, ctest: Sequence[str], build: Path, environment: dict[str, str]) -> int:
    """Run all points, round by round so that what else the host does meets all of them, and print the tables.

    Args:
        work: the points.
        words: the user's choice; ``--run N`` means N rounds.
        ctest: the command line of ctest without a choice of cases.
        build: the folder that ctest runs in.
        environment: of each run, but for what a point changes.

    Returns:
        0 when all points passed or were skipped, 8 (ctest's own) when one failed, 128 + n when signal n ended it.
    """
    for line in work.left_out:
        print(f"left out: {line}")
    rounds = words.runs or 1
    mine: set[tuple[int, int] | None] = set()
    worst = 0
    for turn, (place, point) in product(range(rounds), enumerate(work.points)):
        about = f"round {turn + 1} of {rounds}, point {place + 1} of {len(work.points)}"
        print(f"sweep: {about}: {point.name} {' '.join(point.settings)}", flush=True)
        logs = _logs(build, point)
        before = _identity(logs)
        settings = json.dumps([*words.settings, *point.settings])
        code = run_job([*ctest, "-R", f"^{point.name}$"], env={**environment, "PINBENCH_SET": settings})
        if code in _INTERRUPTED:
            worst = code
            break
        worst = max(worst, code)
        if (made := _identity(logs)) not in (None, before):
            mine.add(made)
    print(_report(build, work, mine), end="", flush=True)
    return worst


def _chosen(pattern: str, workloads: Sequence[Workload], platform: Platform) -> list[tuple[Workload, Case]]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"-R {pattern!r} is no regular expression: {error}") from error
    return [
        (workload, case)
        for workload in workloads
        for case in cases(workload, platform)
        if expression.search(TEST_PREFIX + case.name)
    ]


def _check_axes(workload: Workload, axes: Sequence[Axis]) -> None:
    for name, values in axes:
        if name not in workload.spellings:
            raise UsageError(f"--sweep: {workload.name} has no parameter {name!r}{hint(name, workload.spellings)}")
        parameter = workload.spellings[name]
        if parameter in DIMENSIONS:
            raise UsageError(f"--sweep {name}: that is a part of the case's name; choose several cases by -R instead")
        for value in values:
            parse_value(workload.parameters[parameter], value, "--sweep", Path.cwd())


def _logs(build: Path, point: Point) -> Path:
    own = build / "workload" / point.workload.name
    return (own if own.is_dir() else build) / f"{LOGS_PREFIX}{point.case.name}"


def _report(build: Path, work: Sweep, mine: Set[tuple[int, int] | None]) -> str:
    """Return the tables of the log directories `mine`, whose names have changed as later ones came."""
    names = dict.fromkeys(_logs(build, point) for point in work.points)
    found = [path for logs in names for path in sorted(logs.parent.glob(f"*{logs.name}")) if _identity(path) in mine]
    return sweep.render(Listing(entries=read_entries(found))) if found else "no point was run\n"


def _identity(logs: Path) -> tuple[int, int] | None:
    """Return what tells a log directory from the one that had its name before."""
    try:
        status = logs.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
