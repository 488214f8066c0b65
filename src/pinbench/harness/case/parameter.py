"""A parameter of a workload: its type, legal values and default, and how its value is read from what a user wrote."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.contract.case import Scalar
from pinbench.harness.case.rule import Values, When, holds, value_text

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")  # what fits 64 bits; int() alone also takes 1_000 and digits of any script
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_SIZES = re.compile(r"[1-9][0-9]{0,11}(-[1-9][0-9]{0,11})*")


class Kind(StrEnum):
    """The type of a parameter's value."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    CHOICE = "choice"
    PATH = "path"
    SIZES = "sizes"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """A default for the cases that `when` fits."""

    when: When
    value: Scalar | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter. Without a default (`absent` says what happens then) its value may be None.

    `also` is another suite's name for it, and `aliases` are that suite's words for its choices.
    """

    name: str
    kind: Kind
    help: str
    default: Scalar | None = None
    absent: str = ""
    defaults: tuple[Default, ...] = ()
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    also: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    written: bool = False  # of a path: the run writes there

    def default_for(self, choices: Values) -> Scalar | None:
        """Return the default for the case that `choices` (dimension: value) name."""
        for conditional in self.defaults:
            if holds(conditional.when, choices):
                return conditional.value
        return self.default

    def choice_of(self, text: str) -> str | None:
        """Return the choice that `text` is or is an alias of; where there are aliases, both in any case."""
        if text in self.choices:
            return text
        words = {**{choice: choice for choice in self.choices}, **self.aliases} if self.aliases else {}
        return {word.casefold(): choice for word, choice in words.items()}.get(text.casefold())

    @property
    def allowed(self) -> str:
        """What a value must be, in words."""
        if self.kind is Kind.CHOICE:
            return "one of " + ", ".join(choice or "(empty)" for choice in self.choices)
        words = {
            Kind.INT: "a whole number",
            Kind.FLOAT: "a number",
            Kind.BOOL: "True or False",
            Kind.PATH: "a path",
            Kind.SIZES: "positive whole numbers joined by '-'",
            Kind.TEXT: "a text of 1 to 100 characters on one line",
        }
        return words[self.kind] + self._range_text

    @property
    def _range_text(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f" from {value_text(self.minimum)} to {value_text(self.maximum)}"
        if self.minimum is not None:
            return f" of at least {value_text(self.minimum)}"
        return "" if self.maximum is None else f" of at most {value_text(self.maximum)}"


def parse_value(parameter: Parameter, raw: object, where: str, directory: Path) -> Scalar | None:
    """Return `raw` (a text, or what YAML made of one) as a value of `parameter`.

    Values are data: nothing in them is expanded or run. Nothing (an empty text or YAML's null) asks for the
    computed default of a parameter that has one.

    Args:
        parameter: whose value it is.
        raw: what the user wrote.
        where: where the user wrote it, for the message.
        directory: what a relative path starts from.

    Raises:
        UsageError: it is not a legal value; says what is.
    """
    if parameter.absent and raw in (None, ""):
        return None
    value = _convert(parameter, raw, directory)
    if value is None or not _in_range(parameter, value):
        raise UsageError(f"{parameter.name} must be {parameter.allowed}, got {_shown(raw)} ({where})")
    return value


def _convert(parameter: Parameter, raw: object, directory: Path) -> Scalar | None:
    if parameter.kind is Kind.BOOL:
        return _bool(raw)
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    text = str(raw).strip()
    match parameter.kind:
        case Kind.INT:
            return int(text) if _INTEGER.fullmatch(text) else None
        case Kind.FLOAT:
            return float(text) if _NUMBER.fullmatch(text) else None
        case Kind.CHOICE:
            return parameter.choice_of(text)
        case Kind.PATH:
            return str(directory / text) if text and "\0" not in text else None
        case Kind.TEXT:
            return text if _TEXT.fullmatch(text) else None
        case _:
            return text if _SIZES.fullmatch(text) else None


def _bool(raw: object) -> bool | None:
    if isinstance(raw, bool):
        return raw
    return {"true": True, "false": False}.get(str(raw).strip().lower())


def _in_range(parameter: Parameter, value: Scalar) -> bool:
    if not isinstance(value, int | float):
        return True
    least = -math.inf if parameter.minimum is None else parameter.minimum
    most = math.inf if parameter.maximum is None else parameter.maximum
    return least <= value <= most


def _shown(raw: object) -> str:
    return "nothing" if raw is None else repr(raw)
