"""The listing as Markdown tables (GitHub's), for a merge request or a wiki."""

from collections.abc import Iterable, Iterator

from pinbench.contract.case import Scalar
from pinbench.harness.kpi.text import format_value
from pinbench.harness.report.listing import Listing
from pinbench.harness.report.tables import Table, tables

ENDING = ".md"

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\|*`<>[]#~"} | {"\n": " "})


def render(listing: Listing) -> str:
    """Return the tables, each under its title."""
    return "\n".join("\n".join(_table(table)) + "\n" for table in tables(listing))


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.title}"
    yield ""
    yield _row(table.header)
    yield _row("---:" if _is_number(table, place) else "---" for place in range(len(table.header)))
    for row in table.rows:
        yield _row(map(_cell, row))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_number(table: Table, place: int) -> bool:
    return not any(isinstance(row[place], str) for row in table.rows)


def _cell(value: Scalar | None) -> str:
    if value is None:
        return ""
    return value.translate(_SPECIAL) if isinstance(value, str) else format_value(value)
