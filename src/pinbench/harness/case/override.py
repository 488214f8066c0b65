"""What a user changes of a case: environment, then a ``--config`` file, then ``--set``; the last one wins."""

import dataclasses
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pinbench.base.errors import HostError, UsageError
from pinbench.contract.case import Case, Scalar
from pinbench.harness.case.catalog import case_choices, case_values, declared_values, make_case, never
from pinbench.harness.case.knobs import make_knobs
from pinbench.harness.case.naming import TEST_PREFIX, case_name
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.parameter import parse_value
from pinbench.harness.case.rule import Values, holds, value_text
from pinbench.harness.case.source import workload_folders
from pinbench.harness.case.strict_yaml import fields, read_yaml
from pinbench.harness.case.workload import DIMENSIONS, Workload

_ONLY_FOR = "__"  # <workload>__KEY speaks to that workload alone

Asked = dict[str, tuple[object, str]]  # the name that the user wrote: the value, and where


def customise(
    workload: Workload,
    case: Case,
    *,
    environment: Mapping[str, str],
    config: Path | None = None,
    assignments: Sequence[str] = (),
    directory: Path,
) -> Case:
    """Return `case` with what the user asked for; `overrides` names the parameters that really differ.

    Args:
        workload: the workload of the case.
        case: as declared.
        environment: only names of parameters are looked at; an empty value counts as not set.
        config: a YAML file of sections, each a glob of test names (``"*_pkm": {STEPS: 7}``).
        assignments: ``NAME=VALUE`` as given to ``--set``.
        directory: what a relative path in a value starts from.

    Raises:
        UsageError: a name is unknown, a value is not legal, or the values contradict the case or each other.
        HostError: the case needs a value that nobody has given, such as the place of a data set.
    """
    asked = _from_environment(workload, environment)
    if config is not None:
        asked |= _from_config(workload, TEST_PREFIX + case.name, config)
    asked |= _from_assignments(workload, assignments)
    values, origins = _values(workload, asked, directory)
    _check_dimensions(workload, case, values, origins)
    declared = declared_values(workload, case_choices(case))
    case = _rechosen(workload, case, values, origins)
    merged = {**case_values(workload, case), **values}
    overrides = tuple(name for name in workload.parameters if merged[name] != declared[name])
    _check_together(workload, merged, overrides)
    return dataclasses.replace(case, knobs=make_knobs(merged, DIMENSIONS), overrides=overrides)


def _from_environment(workload: Workload, environment: Mapping[str, str]) -> Asked:
    return {name: (environment[name], "environment") for name in workload.spellings if environment.get(name)}


def _from_assignments(workload: Workload, assignments: Sequence[str]) -> Asked:
    asked: Asked = {}
    for assignment in assignments:
        name, sign, value = assignment.partition("=")
        if not sign:
            raise UsageError(f"--set takes NAME=VALUE, got {assignment!r}")
        if (spelling := _addressed(workload, name.strip(), "--set")) is not None:
            asked[spelling] = (value, "--set")
    return asked


def _from_config(workload: Workload, test_name: str, path: Path) -> Asked:
    asked: Asked = {}
    for pattern, section in fields(read_yaml(path) or {}, str(path), optional=None).items():
        where = f"{path}: {pattern}"
        settings = fields(section, where, optional=None)
        if not fnmatchcase(test_name, pattern):
            continue
        for key, value in settings.items():
            if (spelling := _addressed(workload, key, where)) is not None:
                asked[spelling] = (value, where)
    return asked


def _addressed(workload: Workload, key: str, where: str) -> str | None:
    """Return the name of a parameter that `key` holds, or None when it speaks to another workload."""
    prefix, sign, name = key.rpartition(_ONLY_FOR)
    if sign and prefix:
        others = {workload.name, *(folder.name for folder in workload_folders(workload.folder.parent))}
        by_folded = {_folded(other): other for other in others}
        if _folded(prefix) not in by_folded:
            raise UsageError(f"{where}: no workload named {prefix!r}{hint(prefix, others)}")
        if by_folded[_folded(prefix)] != workload.name:
            return None
        key = name
    if key not in workload.spellings:
        raise UsageError(f"{where}: {workload.name} has no parameter {key!r}{hint(key, workload.spellings)}")
    return key


def _folded(workload_name: str) -> str:
    """Return the name as it may stand in front of a key: dashes are no part of a shell's names."""
    return workload_name.replace("-", "_").casefold()


def _values(workload: Workload, asked: Asked, directory: Path) -> tuple[dict[str, Scalar | None], dict[str, str]]:
    """Return the value of each parameter that was asked for, and what it came from, under the parameter's own name.

    Raises:
        UsageError: a value is not legal, or a parameter has two names that were given different values.
    """
    values: dict[str, Scalar | None] = {}
    origins: dict[str, str] = {}
    for spelling, (raw, where) in asked.items():
        name = workload.spellings[spelling]
        origin = where if spelling == name else f"as {spelling}, {where}"
        value = parse_value(workload.parameters[name], raw, origin, directory)
        if name in values and values[name] != value:
            raise UsageError(
                f"{_pair(name, values[name])} ({origins[name]}) contradicts {_pair(name, value)} ({origin}): "
                "both names mean the same parameter; give one of them"
            )
        values[name], origins[name] = value, origin
    return values, origins


def _rechosen(workload: Workload, case: Case, values: Values, origins: Mapping[str, str]) -> Case:
    """Return the case of the same name with those dimensions that a parameter chooses."""
    chosen = {name: value_text(values[name]) for name in workload.by_parameter if name in values}
    choices = {**case_choices(case), **chosen}
    for name in chosen:
        if (reason := never(workload, {**case_choices(case), name: choices[name]})) is not None:
            raise UsageError(f"{_pair(name, values[name])} ({origins[name]}): {reason}")
    return make_case(workload, choices)


def _check_dimensions(workload: Workload, case: Case, values: Values, origins: Mapping[str, str]) -> None:
    """Refuse a dimension that the case does not have: it would be another case under this one's name."""
    choices = case_choices(case)
    wanted = {
        name: value
        for name, value in values.items()
        if name in DIMENSIONS and name not in workload.by_parameter and value != choices[name]
    }
    if not wanted:
        return
    others = {**choices, **{name: value_text(value) for name, value in wanted.items()}}
    name = next(iter(wanted))
    reason = never(workload, others)
    other = TEST_PREFIX + case_name(workload.prefix, workload.dimensions, others)
    way_out = f"run {other} instead" if reason is None else f"{other} does not exist: {reason}"
    raise UsageError(f"{_pair(name, values[name])} ({origins[name]}) contradicts the case {case.name}; {way_out}")


def _check_together(workload: Workload, values: Values, overrides: Sequence[str]) -> None:
    for rule in workload.exclusions:
        useless = [name for name in rule.changed if name in overrides]
        if holds(rule.when, values) and bool(rule.changed) == bool(useless):
            pairs = " with ".join(_pair(name, values[name]) for name in (*useless, *rule.when))
            raise (HostError if rule.skips else UsageError)(f"{pairs}: {rule.reason}")


def _pair(name: str, value: Scalar | None) -> str:
    return f"{name}={value_text(value)}"
