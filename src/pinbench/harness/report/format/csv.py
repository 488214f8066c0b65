"""The listing as CSV (RFC 4180), one value a row, so that a spreadsheet can filter and pivot it."""

import csv
import io
from collections.abc import Iterator

from pinbench.contract.case import Scalar
from pinbench.harness.kpi.text import format_value
from pinbench.harness.report.compare import Line
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.listing import STATISTICS, Listing, statistic_unit
from pinbench.harness.report.summary import Summary

ENDING = ".csv"
COLUMNS = ("path", "case", "host", "status", "kind", "name", "unit", "value", "note")

Row = tuple[str, ...]


def render(listing: Listing) -> str:
    """Return the listing as CSV with a header; `kind` is status, parameter, system, kpi, primary, summary or ratio."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in listing.entries:
        writer.writerows(_entry(listing, entry))
    for summary in listing.summaries:
        writer.writerows(_summary(listing, summary))
    if listing.comparison is not None:
        writer.writerows(map(_compared, listing.comparison.lines))
    return buffer.getvalue()


def _entry(listing: Listing, entry: Entry) -> Iterator[Row]:
    case = "" if entry.case is None else f"test_{entry.case.display_name}"
    start = (str(entry.path), case, entry.host or "", entry.outcome.value)
    yield (*start, "status", "status", "", entry.outcome.value, entry.reason or "")
    facts = {"parameter": (listing.parameters, entry.parameters), "system": (listing.system, entry.system)}
    for kind, (is_wanted, values) in facts.items():
        for name, value in values.items() if is_wanted else ():
            yield (*start, kind, name, "", _cell(value), "")
    for kpi in listing.kpis(entry):
        yield (*start, "primary" if kpi.primary else "kpi", kpi.name, kpi.unit, _cell(kpi.value), kpi.note)


def _summary(listing: Listing, summary: Summary) -> Iterator[Row]:
    start = ("", f"test_{summary.case.display_name}", summary.host or "", "")
    yield (*start, "summary", "n", "", str(summary.n), "")
    yield (*start, "summary", "failed", "", str(summary.failed), "")
    for figures in listing.figures(summary):
        for statistic in STATISTICS:
            value = getattr(figures.sample, statistic)
            if value is not None:
                unit = statistic_unit(figures, statistic)
                yield (*start, "summary", f"{statistic} {figures.kpi.name}", unit, _cell(value), "")
        for path in figures.outliers:
            yield (*start, "summary", f"outlier {figures.kpi.name}", "", str(path), "")


def _compared(line: Line) -> Row:
    value = "" if line.ratio is None else _cell(round(line.ratio.value, 6))
    return ("", line.case, "", "", "ratio", line.kpi.name, "new / base", value, line.word)


def _cell(value: Scalar) -> str:
    """Return `value` as it is: a cell has no notes to tell it from, so text needs no quotes of our own."""
    return value if isinstance(value, str) else format_value(value)
