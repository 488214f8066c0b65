"""The listing as one HTML page of plain tables: no script, nothing from elsewhere, in light and dark and in print."""

from collections.abc import Iterator
from html import escape

from pinbench.contract.case import Scalar
from pinbench.harness.kpi.text import format_value
from pinbench.harness.report.listing import Listing
from pinbench.harness.report.tables import Table, tables

ENDING = ".html"

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>KPIs</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.4 system-ui, sans-serif; margin: 1rem; }
section { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid GrayText; padding: 0.2rem 0.5rem; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
caption { font-weight: bold; text-align: left; padding: 0.5rem 0; }
</style>
</head>
<body>
<main>
<h1>KPIs</h1>
"""
_FOOT = "</main>\n</body>\n</html>\n"


def render(listing: Listing) -> str:
    """Return the whole page."""
    return _HEAD + "".join("\n".join(_table(table)) + "\n" for table in tables(listing)) + _FOOT


def _table(table: Table) -> Iterator[str]:
    yield f'<section tabindex="0" aria-label="{escape(table.title)}">'
    yield f"<table>\n<caption>{escape(table.title)}</caption>\n<thead>"
    yield f"<tr>{''.join(map(_head_cell, table.header))}</tr>"
    yield "</thead>\n<tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(map(_cell, row))}</tr>"
    yield "</tbody>\n</table>\n</section>"


def _head_cell(name: str) -> str:
    return f'<th scope="col">{escape(name)}</th>'


def _cell(value: Scalar | None) -> str:
    if value is None:
        return "<td></td>"
    return f"<td>{escape(value)}</td>" if isinstance(value, str) else f'<td class="number">{format_value(value)}</td>'
