"""The listing as WSF's list-kpi.sh prints it: an iteration's path, status, parameters, KPIs; then statistics."""

from collections.abc import Iterator

from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.text import format_kpi, format_value
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.listing import STATISTICS, Listing
from pinbench.harness.report.summary import Summary


def render(listing: Listing) -> str:
    """Return the listing as text."""
    blocks = ["\n".join(_entry(listing, entry)) for entry in listing.entries]
    blocks += ["\n".join(_summary(summary)) for summary in listing.summaries()]
    return "\n\n".join(blocks) + "\n"


def _entry(listing: Listing, entry: Entry) -> Iterator[str]:
    yield f"{entry.path}:"
    yield f"# status: {entry.outcome}"
    if entry.reason is not None:
        yield f"# reason: {format_value(entry.reason)}"
    if listing.parameters:
        for name, value in entry.parameters.items():
            yield f"# {name}: {format_value(value)}"
    for kpi in listing.kpis(entry):
        yield format_kpi(kpi)


def _summary(summary: Summary) -> Iterator[str]:
    host = "" if summary.host is None else f" on {summary.host}"
    yield f"# test_{summary.case.display_name}{host}: n={summary.n}, failed={summary.failed}"
    if summary.kpi is None or summary.seed_line is None:
        return
    for statistic in STATISTICS:
        value = getattr(summary, statistic)
        if value is not None:
            yield f"{statistic} {format_kpi(_renamed(summary.kpi, value))}"
    yield summary.seed_line


def _renamed(kpi: Kpi, value: float) -> Kpi:
    return Kpi(name=kpi.name, value=value, unit=kpi.unit, primary=True)
