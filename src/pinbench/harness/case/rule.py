"""Conditions on the values of parameters, as ``when: {FUNCTION: training, PRECISION: "*_int8"}`` writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pinbench.contract.case import Scalar

Values = Mapping[str, Scalar | None]
_EXACT = 2**53  # up to here a float has every whole number

When = Mapping[str, tuple[str | None, ...]]  # parameter: globs of its value as text; None stands for no value


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A combination of values that is excluded, and why.

    One with `changed` is for what has no use in such a combination: it excludes no case as declared, only a user's
    change of any of these parameters. One that `skips` is for what this host has yet to be given.
    """

    when: When
    reason: str
    changed: tuple[str, ...] = ()
    skips: bool = False


def value_text(value: Scalar | None) -> str:
    """Return a value as a user writes it; no value is nothing."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


def holds(when: When, values: Values) -> bool:
    """Whether every parameter of `when` has a value, in `values`, that fits one of its globs."""
    return all(
        name in values and any(_fits(pattern, values[name]) for pattern in patterns) for name, patterns in when.items()
    )


def _fits(pattern: str | None, value: Scalar | None) -> bool:
    if pattern is None or value is None:
        return pattern is value
    return fnmatchcase(value_text(value), pattern)
