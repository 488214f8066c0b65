"""Why a pattern selects no case: excluded here, misspelt, or not built."""

import re
from collections.abc import Sequence

from pinbench.base.errors import PinbenchError, UsageError
from pinbench.harness.case.catalog import cases, excluded, find_case
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.workload import Workload


def without_site(pattern: str, workloads: Sequence[Workload]) -> str:
    """Return `pattern` without the site that WSF's READMEs have in front of a workload (``test_aws_``)."""
    prefixes = "|".join(re.escape(workload.prefix) for workload in workloads)
    return re.sub(rf"(?<![a-z0-9]){TEST_PREFIX}[a-z0-9]+_(?={prefixes})", TEST_PREFIX, pattern) if prefixes else pattern


def require_selection(pattern: str, workloads: Sequence[Workload], platform: Platform) -> None:
    """Return if the regular expression `pattern` finds a case of `workloads` on `platform`.

    Raises:
        UsageError: it finds none; says why, as far as that can be known.
    """
    try:
        expression = re.compile(pattern)
    except re.error:
        return  # CMake's expressions are not quite Python's; ctest itself judges this one
    names = [TEST_PREFIX + case.name for workload in workloads for case in cases(workload, platform)]
    if any(expression.search(name) for name in names):
        return
    reason = (
        _exclusions(expression, workloads, platform)
        or _of_a_name(pattern, workloads, platform)
        or _nearest(pattern, names)
    )
    raise UsageError(f"-R {pattern!r} selects no case on {platform.display}{reason}")


def _exclusions(expression: re.Pattern[str], workloads: Sequence[Workload], platform: Platform) -> str:
    """Return the reasons of the excluded cases that `expression` finds, each with the first case that it is for."""
    by_reason: dict[str, list[str]] = {}
    for workload in workloads:
        for name, reason in excluded(workload, platform):
            if expression.search(TEST_PREFIX + name):
                by_reason.setdefault(reason, []).append(TEST_PREFIX + name)
    return "".join(
        f"; {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''} excluded: {reason}"
        for reason, names in by_reason.items()
    )


def _of_a_name(pattern: str, workloads: Sequence[Workload], platform: Platform) -> str:
    """Return what the catalog says of `pattern` when it is the full name of a case that could be, else nothing."""
    name = pattern.removeprefix("^").removesuffix("$")
    for workload in workloads:
        if name.removeprefix(TEST_PREFIX).startswith(workload.prefix):
            try:
                find_case(workload, name, platform)
            except PinbenchError as error:
                return f": {error}"
    return ""


def _nearest(pattern: str, names: Sequence[str]) -> str:
    return hint(pattern.strip("^$"), names) or f": {len(names)} cases are here, -N lists them"
