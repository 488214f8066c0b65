"""The cases of a workload on a platform, those that are excluded and why, and the case behind a name."""

import itertools
from collections.abc import Iterator, Mapping

from pinbench.base.errors import HostError, UsageError
from pinbench.contract.case import Case, Function, Mode, Variant
from pinbench.harness.case.knobs import knob_values, make_knobs
from pinbench.harness.case.naming import TEST_PREFIX, case_name, parse_case_name
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.rule import Values, holds
from pinbench.harness.case.workload import DIMENSIONS, Workload, split_label

Choices = Mapping[str, str]  # a value for each dimension


def cases(workload: Workload, platform: Platform) -> tuple[Case, ...]:
    """Return the cases that are declared for `platform`: the matrix without its exclusions."""
    return tuple(
        make_case(workload, choices)
        for choices in _combinations(workload)
        if exclusion(workload, choices, platform) is None
    )


def excluded(workload: Workload, platform: Platform) -> tuple[tuple[str, str], ...]:
    """Return the name and the reason of each case of the matrix that `platform` does not get."""
    reasons = ((choices, exclusion(workload, choices, platform)) for choices in _combinations(workload))
    return tuple((_name(workload, choices), reason) for choices, reason in reasons if reason is not None)


def find_case(workload: Workload, name: str, platform: Platform | None = None) -> Case:
    """Return the case that `name` names, with its declared parameters.

    ``test_`` and a site (``test_aws_``) may stand in front.

    Raises:
        UsageError: no such case exists, or it is not built yet; names the nearest or the reason.
        HostError: `platform` cannot have it.
    """
    allowed = [(dimension, workload.parameters[dimension].choices) for dimension in workload.dimensions]
    named = parse_case_name(name, workload.prefix, allowed)
    if named is None:
        known = [_name(workload, choices) for choices in _combinations(workload)]
        raise UsageError(
            f"{workload.name} has no case {name!r}{hint(name.removeprefix(TEST_PREFIX), known)}; "
            "`pinbench cases` lists them"
        )
    choices = {**{dimension: workload.matrix[dimension][0] for dimension in DIMENSIONS}, **named}
    if (reason := never(workload, choices)) is not None:
        raise UsageError(f"{_name(workload, choices)} does not exist: {reason}")
    if platform is not None and (reason := _impossible(workload, choices, platform)) is not None:
        raise HostError(f"{_name(workload, choices)} cannot run here: {reason}")
    return make_case(workload, choices)


def make_case(workload: Workload, choices: Choices) -> Case:
    """Return the case with these choices and the parameters that workload.yaml declares for it."""
    isa, precision = split_label(choices["PRECISION"])
    return Case(
        workload=workload.name,
        name=_name(workload, choices),
        recipe=workload.recipe,
        function=Function(choices["FUNCTION"]),
        mode=Mode(choices["MODE"]),
        isa=isa,
        precision=precision,
        variant=Variant(choices["CASE_TYPE"]),
        knobs=make_knobs(declared_values(workload, choices), DIMENSIONS),
    )


def declared_values(workload: Workload, choices: Choices) -> Values:
    """Return every parameter of the case with these choices, as workload.yaml declares it."""
    return {
        name: choices[name] if name in DIMENSIONS else parameter.default_for(choices)
        for name, parameter in workload.parameters.items()
    }


def case_choices(case: Case) -> Choices:
    """Return the value of each dimension of `case`."""
    return {
        "FUNCTION": case.function.value,
        "MODE": case.mode.value,
        "PRECISION": case.label,
        "CASE_TYPE": case.variant.value,
    }


def case_values(workload: Workload, case: Case) -> Values:
    """Return every parameter of `case`, overrides included."""
    return {**knob_values(case.knobs, workload.parameters), **case_choices(case)}


def exclusion(workload: Workload, choices: Choices, platform: Platform) -> str | None:
    """Return why `platform` does not get the case with these choices, or None when it does."""
    if not workload.is_for(platform):  # which says more than a rule would that leaves out the case everywhere
        return _impossible(workload, choices, platform)
    return never(workload, choices) or _impossible(workload, choices, platform)


def never(workload: Workload, choices: Choices) -> str | None:
    """Return why the case with these choices exists on no platform, or None when it does."""
    for rule in workload.exclusions:
        if not rule.changed and holds(rule.when, choices):
            return rule.reason
    for dimension in DIMENSIONS:
        if choices[dimension] not in workload.matrix[dimension]:
            built = ", ".join(value for value in workload.matrix[dimension] if value)
            return f"{dimension}={choices[dimension]} is not built yet (built: {built})"
    return None


def _impossible(workload: Workload, choices: Choices, platform: Platform) -> str | None:
    if not workload.is_for(platform):
        return f"the workload is for {', '.join(workload.platforms)}, and {platform.display} is {platform.architecture}"
    label = choices["PRECISION"]
    if lacking := platform.lacks(label):
        return f"{label} needs {', '.join(lacking)}, which {platform.display} does not have"
    return None


def _combinations(workload: Workload) -> Iterator[Choices]:
    """Yield the choices of each name: of what a parameter chooses, the declared one."""
    matrix = {name: values[:1] if name in workload.by_parameter else values for name, values in workload.matrix.items()}
    for values in itertools.product(*(matrix[dimension] for dimension in DIMENSIONS)):
        yield dict(zip(DIMENSIONS, values, strict=True))


def _name(workload: Workload, choices: Choices) -> str:
    return case_name(workload.prefix, workload.dimensions, choices)
