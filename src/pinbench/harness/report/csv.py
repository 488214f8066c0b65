"""The listing as CSV (RFC 4180), one value a row, so that a spreadsheet can filter and pivot it."""

import csv
import io
from collections.abc import Iterator

from pinbench.harness.kpi.text import format_value
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.listing import STATISTICS, Listing
from pinbench.harness.report.summary import Summary

COLUMNS = ("path", "case", "host", "status", "kind", "name", "unit", "value", "note")

Row = tuple[str, ...]


def render(listing: Listing) -> str:
    """Return the listing as CSV with a header; `kind` is status, parameter, kpi, primary or summary."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in listing.entries:
        writer.writerows(_entry(listing, entry))
    for summary in listing.summaries():
        writer.writerows(_summary(summary))
    return buffer.getvalue()


def _entry(listing: Listing, entry: Entry) -> Iterator[Row]:
    case = "" if entry.case is None else f"test_{entry.case.display_name}"
    start = (str(entry.path), case, entry.host or "", entry.outcome.value)
    yield (*start, "status", "status", "", entry.outcome.value, entry.reason or "")
    if listing.parameters:
        for name, value in entry.parameters.items():
            yield (*start, "parameter", name, "", _cell(value), "")
    for kpi in listing.kpis(entry):
        yield (*start, "primary" if kpi.primary else "kpi", kpi.name, kpi.unit, _cell(kpi.value), kpi.note)


def _summary(summary: Summary) -> Iterator[Row]:
    start = ("", f"test_{summary.case.display_name}", summary.host or "", "")
    yield (*start, "summary", "n", "", str(summary.n), "")
    yield (*start, "summary", "failed", "", str(summary.failed), "")
    for statistic in STATISTICS:
        value = getattr(summary, statistic)
        if value is not None and summary.kpi is not None:
            yield (*start, "summary", f"{statistic} {summary.kpi.name}", summary.kpi.unit, _cell(value), "")


def _cell(value: bool | int | float | str) -> str:
    return value if isinstance(value, str) else format_value(value)
