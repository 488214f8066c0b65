"""``ctest.sh --sweep``: each chosen case once for every combination of the values, the best of which is then named."""

import re
from collections.abc import Mapping, Sequence
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
from pinbench.harness.case.sequence import Axis, parse_axes
from pinbench.harness.case.workload import DIMENSIONS, Workload
from pinbench.harness.cli._ctest_turns import Round, Turn
from pinbench.harness.cli._ctest_words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A case with one value of each axis, and what --set says besides."""

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

    def rounds(self, count: int) -> tuple[Round, ...]:
        """Return `count` passes over all points: what else the host does meets all of them."""
        return tuple(
            (Turn(label=f"r{turn + 1}p{place + 1}", settings=point.settings, cases=(point.name,)),)
            for turn in range(count)
            for place, point in enumerate(self.points)
        )


def parse_sweep(texts: Sequence[str]) -> tuple[Axis, ...]:
    """Return the axes of ``NAME=VALUE,VALUE,...``, or of the form that --set has, for each of `texts`.

    Raises:
        UsageError: one is not of such a form, or a name or value stands there twice.
    """
    axes = [axis for text in texts for axis in _axes(text)]
    names = [axis.name for axis in axes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"--sweep names {twice} twice; write all of its values behind one")
    return tuple(axes)


def make_sweep(
    words: Words, workloads: Sequence[Workload], platform: Platform, environment: Mapping[str, str]
) -> Sweep:
    """Return all points of `words`, each checked as its run will check it.

    Raises:
        UsageError: no case is chosen, an axis is no parameter of a chosen case, or a value is not legal for it.
    """
    axes = parse_sweep(words.sweep)
    _require_steps(axes, words)
    if words.pattern is None:
        raise UsageError("--sweep needs to know the cases: choose them by -R or --testcase")
    combined = zip if words.zip else product
    points: list[Point] = []
    left_out: list[str] = []
    for workload, case in _chosen(words.pattern, workloads, platform):
        _check_axes(workload, axes)
        for values in combined(*(axis.values for axis in axes)):
            swept = [f"{axis.name}={value}" for axis, value in zip(axes, values, strict=True)]
            settings = (*words.settings, *swept)
            try:
                changed = customise(
                    workload, case, environment=environment, config=words.config, assignments=settings,
                    directory=Path.cwd(),
                )  # fmt: skip
            except (UsageError, HostError) as error:
                left_out.append(f"{TEST_PREFIX}{case.name} with {' '.join(swept)}: {error}")
            else:
                points.append(Point(case=changed, settings=settings))
    if not points:
        raise UsageError(f"--sweep has no point that can run; {left_out[0]}")
    return Sweep(points=tuple(points), left_out=tuple(left_out))


def _axes(text: str) -> tuple[Axis, ...]:
    name, sign, values = text.partition("=")
    if "," not in values and re.search(r"\s|\.\.\.", values.strip()):
        axes = parse_axes(text, "--sweep", lambda name: False)
    else:
        found = tuple(value.strip() for value in values.split(","))
        if not sign or not name.strip() or not all(found):
            raise UsageError(f"--sweep {text!r} is not NAME=VALUE,VALUE,...")
        axes = (Axis(name=name.strip(), values=found),)
    for axis in axes:
        if twice := next((value for value in axis.values if axis.values.count(value) > 1), None):
            raise UsageError(f"--sweep {text!r} names {twice!r} twice")
    return axes


def _require_steps(axes: Sequence[Axis], words: Words) -> None:
    """With --zip the axes go in step: each must have as many values."""
    if words.zip and len({len(axis.values) for axis in axes}) > 1:
        counts = ", ".join(f"{axis.name} has {len(axis.values)}" for axis in axes)
        raise UsageError(f"--zip takes the values of all axes in step, but {counts}; give each as many")


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
    for axis in axes:
        if axis.name not in workload.spellings:
            known = workload.spellings
            raise UsageError(f"--sweep: {workload.name} has no parameter {axis.name!r}{hint(axis.name, known)}")
        parameter = workload.spellings[axis.name]
        if parameter in DIMENSIONS:
            raise UsageError(
                f"--sweep {axis.name}: that is a part of the case's name; choose several cases by -R instead"
            )
        for value in axis.values:
            parse_value(workload.parameters[parameter], value, "--sweep", Path.cwd())
