"""The parameters of a workload as a table: for ``--describe-params``, and for its README."""

from collections.abc import Sequence

from pinbench.contract.case import Scalar
from pinbench.harness.case.parameter import Kind, Parameter
from pinbench.harness.case.rule import When, value_text
from pinbench.harness.case.workload import DIMENSIONS, Workload

_HEADER = ("Parameter", "Default", "Allowed", "Meaning")


def parameter_rows(workload: Workload) -> tuple[tuple[str, str, str, str], ...]:
    """Return name, default, allowed values and help of each parameter, in the order of workload.yaml."""
    return tuple(
        (name, _default_text(workload, parameter), _allowed_text(parameter), parameter.help)
        for name, parameter in workload.parameters.items()
    )


def describe_text(workload: Workload) -> str:
    """Return the table for a terminal: a line of facts for each parameter and its help below it."""
    lines = [f"{workload.name}: {workload.title}", ""]
    for name, default, allowed, meaning in parameter_rows(workload):
        lines += [f"{name}  [{default}]  {allowed}", f"    {meaning}"]
    return "\n".join(lines) + "\n"


def describe_markdown(workload: Workload) -> str:
    """Return the table that the README shows."""
    rows: list[Sequence[str]] = [_HEADER, ("---",) * len(_HEADER)]
    rows += [
        (f"`{name}`", _cell(default), _cell(allowed), _cell(meaning))
        for name, default, allowed, meaning in parameter_rows(workload)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _default_text(workload: Workload, parameter: Parameter) -> str:
    if parameter.name in workload.by_parameter:
        return workload.matrix[parameter.name][0]
    if parameter.name in DIMENSIONS:
        return "from the case name"
    default = _value_text(parameter, parameter.default)
    exceptions = [f"{_value_text(parameter, item.value)} for {_when_text(item.when)}" for item in parameter.defaults]
    return "; ".join([default, *exceptions])


def _value_text(parameter: Parameter, value: Scalar | None) -> str:
    return parameter.absent if value is None else value_text(value) or "(empty)"


def _when_text(when: When) -> str:
    return ", ".join(f"{name}={'|'.join(pattern or '' for pattern in patterns)}" for name, patterns in when.items())


def _allowed_text(parameter: Parameter) -> str:
    if parameter.kind is not Kind.CHOICE:
        return parameter.allowed
    if not parameter.aliases:
        return parameter.allowed.removeprefix("one of ")
    other = f"as {parameter.also}: " if parameter.also else ""
    aliases = ", ".join(
        f"{alias} ({choice})" if not parameter.also else alias for alias, choice in parameter.aliases.items()
    )
    return f"{parameter.allowed.removeprefix('one of ')}; or {other}{aliases}"


def _cell(text: str) -> str:
    """Return `text` so that Markdown shows it as it is: names have underscores, globs have stars."""
    return text.replace("|", "\\|").replace("_", "\\_").replace("*", "\\*")
