"""The listing as WSF's list-kpi.sh prints it: an iteration's path, status, parameters, KPIs; then statistics."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pinbench.contract.case import Scalar
from pinbench.harness.kpi.text import format_kpi, format_value
from pinbench.harness.report.compare_text import text
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.listing import STATISTICS, Listing, statistic_unit
from pinbench.harness.report.summary import Figures, Summary

ENDING = ".txt"


def render(listing: Listing) -> str:
    """Return the listing as text."""
    blocks = ["\n".join(_entry(listing, entry)) for entry in listing.entries]
    blocks += ["\n".join(_summary(summary)) for summary in listing.summaries]
    if listing.comparison is not None:
        blocks.append(text(listing.comparison).removesuffix("\n"))
    return "\n\n".join(blocks) + "\n"


def _entry(listing: Listing, entry: Entry) -> Iterator[str]:
    yield f"{entry.path}:"
    yield f"# status: {entry.outcome}"
    if entry.reason is not None:
        yield f"# reason: {format_value(entry.reason)}"
    if listing.parameters:
        yield from _named("# ", entry.parameters)
    if listing.system:
        yield from _named("#sutinfo- ", entry.system)
    for kpi in listing.kpis(entry):
        yield format_kpi(kpi)


def _named(start: str, values: Mapping[str, Scalar]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{start}{name}: {format_value(value)}"


def _summary(summary: Summary) -> Iterator[str]:
    host = "" if summary.host is None else f" on {summary.host}"
    yield f"# test_{summary.case.display_name}{host}: n={summary.n}, failed={summary.failed}"
    if summary.key is None or summary.seed_line is None:
        return
    yield from _statistics(summary.key)
    yield summary.seed_line


def _statistics(figures: Figures) -> Iterator[str]:
    for statistic in STATISTICS:
        value = getattr(figures.sample, statistic)
        if value is not None:
            kpi = replace(figures.kpi, value=value, unit=statistic_unit(figures, statistic), note="")
            yield f"{statistic} {format_kpi(kpi)}"
    for path in figures.outliers:
        yield f"# outlier: {path}"
