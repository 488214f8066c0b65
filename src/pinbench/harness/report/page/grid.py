"""Tables of the page: they can be read and printed without a script, which adds sorting and a filter."""

import math
import re
from collections.abc import Sequence

from pinbench.contract.case import Scalar
from pinbench.harness.kpi.text import format_value
from pinbench.harness.report.page.markup import Markup, element, join


class Digits(str):
    """A number as it is to be read: it stands on the right of its column."""

    __slots__ = ()


Cell = Scalar | Markup | Digits | None
_MOST_DECIMALS = 9
_BREAK = element("wbr")
_LONG = 44  # characters that one line of a cell has place for
_JOINTS = re.compile(r"(?<=[_/=])(?=[^_/=])")


def grid(
    name: str, caption: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, is_tool: bool = False
) -> Markup:
    """Return a table that scrolls in a frame of its own.

    Args:
        name: unique in the page, a word.
        caption: what it holds.
        header: the names of the columns.
        rows: None and what is no number stay empty.
        is_tool: whether a script may offer a field that filters the rows.
    """
    head = (
        element("th", column, scope="col", class_="number" if _is_numeric([row[place] for row in rows]) else None)
        for place, column in enumerate(header)
    )
    table = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *(element("tr", *map(_cell, row)) for row in rows)),
        id=name,
    )
    frame = element("div", table, class_="frame", tabindex=0, role="region", aria_label=caption)
    tools = element("div", class_="tools", hidden=True, data_table=name) if is_tool else None
    return join(tools, frame)


def number(value: float, digits: int = 5) -> Digits:
    """Return `value`, which is finite, to so many digits, without an exponent."""
    if value == 0:
        return Digits("0")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return Digits(f"{value:.{min(decimals, _MOST_DECIMALS)}f}")


def _cell(value: Cell) -> Markup:
    if _is_absent(value):
        return element("td")
    if isinstance(value, Markup):
        return element("td", value)
    if isinstance(value, str):
        if isinstance(value, Digits):
            return element("td", value, class_="number")
        return element("td", *_breakable(value), class_="long" if len(value) > _LONG else None)
    assert value is not None
    return element("td", format_value(value), class_="number")


def _breakable(value: str) -> list[str]:
    """Return `value`, of which a word that fills a line may be wrapped at its joints."""
    if len(value) <= _LONG:
        return [value]
    pieces: list[str] = []
    for word in value.split(" "):
        parts = _JOINTS.split(word) if len(word) > _LONG / 2 else [word]
        pieces += [piece for part in parts for piece in (part, _BREAK)][:-1]
        pieces.append(" ")
    return pieces[:-1]


def _is_numeric(column: Sequence[Cell]) -> bool:
    known = [value for value in column if not _is_absent(value)]
    return bool(known) and all(isinstance(value, int | float | Digits) for value in known)


def _is_absent(value: Cell) -> bool:
    return value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))
