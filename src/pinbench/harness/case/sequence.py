"""The values that one ``--set`` or ``--sweep`` names: ``STEPS=10 20 30 ...90 |20/BATCH_SIZE=1 8``.

    setting  := axis ( "/" axis )*                        every combination; the last axis varies fastest
    axis     := NAME "=" value ( " " value )* [ " ..." STOP ] [ " |" M | " " M "|" ]

``...STOP`` goes on from the last three numbers, by their common difference or else their common factor, as far as
STOP; ``|M`` keeps what M divides, ``M|`` what divides M. It is the grammar of WSF's ``--set``; where that one goes on
for ever, splits a path, or takes a mistake for a value, this one says what is wrong.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from pinbench.base.errors import UsageError

_LONGEST = 10_000  # values of one axis; more is a slip of the pen, not a plan
_NAME = r"(?:[A-Za-z0-9_-]+__)?[A-Z][A-Z0-9_]*"
_AXIS = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*)\s*=(.*)", re.DOTALL)
_NEXT_AXIS = re.compile(rf"\s*/\s*(?={_NAME}\s*=)")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_PLAIN = r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?"
_FILTER = re.compile(rf"\|\s*({_PLAIN})|({_PLAIN})\s*\|")
_KEPT = 3  # numbers that show how a progression goes on
_DIGITS = 12  # of a number that no decimal fraction is


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A parameter and the values that it takes in turn; there is at least one."""

    name: str
    values: tuple[str, ...]


def parse_axes(text: str, option: str, is_whole: Callable[[str], bool]) -> tuple[Axis, ...]:
    """Return the axes that `text` names.

    Args:
        text: as the user wrote it behind `option`.
        option: for the messages.
        is_whole: whether a name is of a parameter whose values may hold spaces and slashes, as paths do: its value is
            the rest of the text, as it stands.

    Raises:
        UsageError: it is not of the form above, or names values that could not be meant.
    """
    axes: list[Axis] = []
    where = f"{option} {text!r}"
    rest = text
    while True:
        match = _AXIS.fullmatch(rest)
        if match is None:
            raise UsageError(f"{where} is not NAME=VALUE")
        name, rest = match[1], match[2]
        if is_whole(name):
            return (*axes, Axis(name=name, values=(rest,)))
        written, *others = _NEXT_AXIS.split(rest, maxsplit=1)
        axes.append(Axis(name=name, values=_values(written, f"{where}: {name}")))
        if not others:
            break
        (rest,) = others
    names = [axis.name for axis in axes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{where} names {twice} twice")
    return tuple(axes)


def combinations(axes: Sequence[Axis]) -> tuple[tuple[str, ...], ...]:
    """Return ``NAME=VALUE`` for each axis, for every combination; the last axis varies fastest."""
    written = [[f"{axis.name}={value}" for value in axis.values] for axis in axes]
    return tuple(product(*written))


def _values(text: str, where: str) -> tuple[str, ...]:
    body, keep = _split_filter(text, where)
    words = body.split()
    is_extended = any("..." in word for word in words)
    values = _progression(words, where) if is_extended else words or [""]
    kept = [value for value in values if keep is None or keep(_number(value, where))]
    if not kept:
        raise UsageError(f"{where}: the filter leaves none of {' '.join(values)}")
    return tuple(kept)


def _split_filter(text: str, where: str) -> tuple[str, Callable[[Fraction], bool] | None]:
    """Return `text` without its filter, and what the filter keeps."""
    if "|" not in text:
        return text, None
    # "4 |2" reads as values and then |2; "2 4 8|" as values and then 8|
    tail = re.search(r"(?:^|\s)(\|\s*\S+|\S+\s*\|)\s*$", text)
    match = _FILTER.fullmatch(tail[1]) if tail else None
    if tail is None or match is None or "|" in text[: tail.start(1)]:
        raise UsageError(
            f"{where}: {_around_bar(text)!r} is no filter; one stands last and by itself: |M keeps what M divides, "
            "M| what divides M"
        )
    divisor, multiple = match[1], match[2]
    bound = _number(divisor or multiple, where)
    if bound == 0:
        raise UsageError(f"{where}: a filter by 0 keeps nothing")
    keep = (lambda value: value % bound == 0) if divisor else (lambda value: value != 0 and bound % value == 0)
    return text[: tail.start(1)], keep


def _around_bar(text: str) -> str:
    match = re.search(r"\S*\s*\|.*", text, re.DOTALL)
    return match[0].strip() if match else text


def _progression(words: Sequence[str], where: str) -> list[str]:
    *written, last = words
    if not last.startswith("...") or any("..." in word for word in written):
        wrong = next(word for word in words if "..." in word)
        raise UsageError(f"{where}: {wrong!r} must be ...STOP, by itself behind the values; only a filter may follow")
    stop = _number(last.removeprefix("..."), where)
    numbers = [_number(word, where) for word in written]
    if len(numbers) < _KEPT:
        raise UsageError(f"{where}: {last} needs three numbers before it that show the step, got {len(numbers)}")
    step = _step(numbers[-_KEPT:], f"{' '.join(written[-_KEPT:])} {last}", where)
    if numbers[-1] > stop:
        raise UsageError(f"{where}: {written[-1]} lies beyond {last} already; leave {last} out")
    values = list(written)
    number = step(numbers[-1])
    while number <= stop:
        if len(values) == _LONGEST:
            raise UsageError(f"{where}: {last} makes more than {_LONGEST} values")
        values.append(_text(number))
        number = step(number)
    return values


def _step(numbers: Sequence[Fraction], written: str, where: str) -> Callable[[Fraction], Fraction]:
    """Return what makes the next number of a progression that rises."""
    first, second, third = numbers
    if first == second == third:
        raise UsageError(f"{where}: {written} never gets anywhere, its step is 0; --loop and --run repeat a value")
    if third < second < first:
        raise UsageError(f"{where}: {written} falls; only a rising sequence goes on: start at its other end")
    if second - first == third - second:
        return lambda number: number + (third - second)
    if first > 0 and second * second == first * third:
        return lambda number: number * (third / second)
    raise UsageError(
        f"{where}: {written} has neither one difference ({_text(second - first)}, {_text(third - second)}) nor one "
        "factor; write all values"
    )


def _number(text: str, where: str) -> Fraction:
    if not _NUMBER.fullmatch(text):
        raise UsageError(f"{where}: {text!r} is no number, and ... and | are for numbers")
    return Fraction(text)


def _text(number: Fraction) -> str:
    if number.denominator == 1:
        return str(number.numerator)
    return f"{float(number):.{_DIGITS}g}"
