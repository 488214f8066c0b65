"""The declaration of one parameter, as YAML holds it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pinbench.base.errors import UsageError
from pinbench.contract.case import Scalar
from pinbench.harness.case.parameter import Default, Kind, Parameter, parse_value
from pinbench.harness.case.rule import When, value_text
from pinbench.harness.case.strict_yaml import entries, fields, text, texts, truth

_KEYS = ("type", "help", "choices", "min", "max", "default", "absent", "defaults", "also", "aliases", "written")


def merge(shared: Mapping[str, Any] | None, own: Any, where: str) -> Mapping[str, Any]:
    """Return the declaration of a parameter that both parameters.yaml (`shared`) and a workload (`own`) may describe.

    A workload that writes its own `default` starts afresh: the shared `defaults` no longer apply.

    Raises:
        UsageError: `own` has an unknown key, or another type than the shared one.
    """
    data = fields({} if own is None else own, where, optional=_KEYS)
    if shared is None:
        return data
    if "type" in data:
        raise UsageError(f"{where}: the type of this parameter stands in parameters.yaml; leave it out here")
    dropped = {"defaults"} if "default" in data else set()
    return {**{key: value for key, value in shared.items() if key not in dropped}, **data}


def declare(name: str, declaration: Any, where: str, dimensions: Mapping[str, tuple[str, ...]]) -> Parameter:
    """Return the parameter `name`.

    Args:
        name: its upper-case name.
        declaration: what the YAML file holds for it.
        where: the file and key, for messages.
        dimensions: the dimensions that `when` of its defaults may name, with their legal values. A dimension itself
            (a key of this) has no default: the case has it.

    Raises:
        UsageError: something is missing, unknown or contradicts itself; names the place.
    """
    data = fields(declaration, where, ("type", "help"), _KEYS[1:])
    parameter = Parameter(
        name=name,
        kind=_kind(data["type"], where),
        help=text(data["help"], f"{where}: help"),
        absent=text(data.get("absent", ""), f"{where}: absent"),
        choices=texts(data.get("choices", []), f"{where}: choices"),
        minimum=_bound(data.get("min"), f"{where}: min"),
        maximum=_bound(data.get("max"), f"{where}: max"),
        also=text(data.get("also", ""), f"{where}: also"),
        aliases=_aliases(data.get("aliases", {}), f"{where}: aliases"),
        written=truth(data.get("written", False), f"{where}: written"),
    )
    if (parameter.kind is Kind.CHOICE) != bool(parameter.choices):
        raise UsageError(f"{where}: choices are for type choice, and it needs them")
    if unknown := sorted(set(parameter.aliases.values()) - set(parameter.choices)):
        raise UsageError(f"{where}: aliases: {unknown[0]!r} is not one of {', '.join(parameter.choices)}")
    if name in dimensions:
        return parameter
    if "default" not in data:
        raise UsageError(f"{where}: key 'default' is missing")
    default = _default(parameter, data["default"], where)
    defaults = tuple(
        _conditional(parameter, item, f"{where}: defaults", dimensions)
        for item in entries(data.get("defaults", []), f"{where}: defaults")
    )
    return replace(parameter, default=default, defaults=defaults)


def read_when(data: Any, where: str, choices: Mapping[str, tuple[str, ...]]) -> When:
    """Return a condition.

    Args:
        data: parameter: value, glob, or a list of them.
        where: the place, for messages.
        choices: the parameters that it may name, with their choices; an empty tuple where any value is legal.

    Raises:
        UsageError: it names an unknown parameter or a value that never occurs.
    """
    conditions = fields(data, where, optional=tuple(choices))
    return {name: _patterns(item, f"{where}: {name}", choices[name]) for name, item in conditions.items()}


def _patterns(data: Any, where: str, choices: tuple[str, ...]) -> tuple[str | None, ...]:
    patterns = tuple(
        None if item is None else value_text(item) for item in (data if isinstance(data, list) else [data])
    )
    for pattern in patterns:
        # A bare word that is no choice is a slip of the pen; a glob may fit nothing where there are fewer choices.
        if choices and pattern is not None and "*" not in pattern and pattern not in choices:
            raise UsageError(f"{where}: {pattern!r} is not one of {', '.join(choices)}")
    return patterns


def _conditional(parameter: Parameter, data: Any, where: str, dimensions: Mapping[str, tuple[str, ...]]) -> Default:
    pair = fields(data, where, ("when", "value"))
    return Default(
        when=read_when(pair["when"], f"{where}: when", dimensions), value=_default(parameter, pair["value"], where)
    )


def _default(parameter: Parameter, raw: Any, where: str) -> Scalar | None:
    if raw is None and not parameter.absent:
        raise UsageError(f"{where}: a default of null needs 'absent', which says what happens then")
    return None if raw is None else parse_value(parameter, raw, where, Path("/"))


def _aliases(data: Any, where: str) -> dict[str, str]:
    return {alias: text(choice, f"{where}: {alias}") for alias, choice in fields(data, where, optional=None).items()}


def _kind(data: Any, where: str) -> Kind:
    try:
        return Kind(data)
    except ValueError as error:
        raise UsageError(f"{where}: type: {data!r} is not one of {', '.join(Kind)}") from error


def _bound(data: Any, where: str) -> float | None:
    if data is not None and (isinstance(data, bool) or not isinstance(data, int | float)):
        raise UsageError(f"{where}: expected a number, got {data!r}")
    return data
