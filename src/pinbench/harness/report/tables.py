"""The listing as a few tables, for formats that show such: values stay values, how they look is the format's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pinbench.base.units import PERCENT
from pinbench.contract.case import Scalar
from pinbench.contract.kpi import Kpi
from pinbench.harness.report.comparable import distinct
from pinbench.harness.report.compare import Comparison, Line
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.listing import STATISTICS, Listing
from pinbench.harness.report.summary import Figures, Summary, group

Cell = Scalar | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(listing: Listing) -> tuple[Table, ...]:
    """Return what is wanted of `listing`: statistics, runs, comparison, parameters, machines; none that is empty."""
    found = [_cases(listing), _runs(listing)]
    if listing.comparison is not None:
        found.append(comparison_table(listing.comparison))
    if listing.parameters:
        found.append(_facts("Parameters", "parameter", listing, "parameters"))
    if listing.system:
        found.append(_facts("Systems", "fact", listing, "system"))
    return tuple(table for table in found if table.rows)


def kpi_table(listing: Listing) -> Table:
    """Return each KPI of each run in a row of its own."""
    rows = (
        (str(entry.path), _case(entry), kpi_name(kpi), kpi.unit, kpi.value, kpi.note)
        for entry in listing.entries
        for kpi in listing.kpis(entry)
    )
    return Table(title="KPIs", header=("run", "case", "KPI", "unit", "value", "note"), rows=tuple(rows))


def comparison_table(comparison: Comparison) -> Table:
    """Return a row for each KPI of each case that was compared."""
    sure = f"{comparison.demand.confidence * PERCENT:g} %"
    header = ("case", "KPI", "runs", "new / base", f"{sure} from", f"{sure} to", "p", "verdict", "note")
    lines = [_line(line) for line in comparison.lines]
    failed: list[tuple[Cell, ...]] = [
        (name, None, None, None, None, None, None, "failed", "all runs of NEW failed") for name in comparison.failed
    ]
    return Table(title="Comparison", header=header, rows=(*lines, *failed))


def kpi_name(kpi: Kpi) -> str:
    """Return the name as the block has it: the key KPI's begins with an asterisk."""
    return f"*{kpi.name}" if kpi.primary else kpi.name


def _line(line: Line) -> tuple[Cell, ...]:
    runs = f"{line.n_base} pairs" if line.is_paired else f"{line.n_base} / {line.n_new}"
    ratio: tuple[Cell, ...] = (None, None, None)
    if line.ratio is not None:
        ratio = tuple(round(value, 4) for value in (line.ratio.value, line.ratio.low, line.ratio.high))
    p = None if line.p is None else float(f"{line.p:.2g}")
    return (line.case, kpi_name(line.kpi), runs, *ratio, p, line.word, line.note or None)


def _cases(listing: Listing) -> Table:
    header = ("case", "host", "KPI", "unit", "n", "failed", *STATISTICS, "outliers")
    rows = (row for summary in listing.summaries for row in _statistics(listing, summary))
    return Table(title="Statistics", header=header, rows=tuple(rows))


def _statistics(listing: Listing, summary: Summary) -> Iterator[tuple[Cell, ...]]:
    start = (f"test_{summary.case.display_name}", summary.host)
    if summary.key is None:
        yield (*start, None, None, 0, summary.failed, *(None for _ in STATISTICS), None)
    for figures in listing.figures(summary):
        yield (*start, *_figures(figures, summary.failed))


def _figures(figures: Figures, failed: int) -> tuple[Cell, ...]:
    values = (getattr(figures.sample, statistic) for statistic in STATISTICS)
    apart = ", ".join(str(path) for path in figures.outliers) or None
    return (kpi_name(figures.kpi), figures.kpi.unit or None, figures.sample.n, failed, *values, apart)


def _runs(listing: Listing) -> Table:
    header = ("run", "case", "status", "started", "KPI", "unit", "value", "reason")
    return Table(title="Runs", header=header, rows=tuple(map(_run, listing.entries)))


def _run(entry: Entry) -> tuple[Cell, ...]:
    key = entry.primary
    value = (None, None, None) if key is None else (kpi_name(key), key.unit or None, key.value)
    return (str(entry.path), _case(entry) or None, entry.outcome.value, entry.started_at, *value, entry.reason)


def _case(entry: Entry) -> str:
    return "" if entry.case is None else f"test_{entry.case.display_name}"


def _facts(title: str, what: str, listing: Listing, attribute: str) -> Table:
    """Return each fact of each case and host once, with all values that its runs had."""
    rows: list[tuple[Cell, ...]] = []
    for entries in group(listing.entries):
        known = [entry for entry in entries if entry.case is not None]
        facts: Sequence[Mapping[str, Scalar]] = [getattr(entry, attribute) for entry in known]
        for name in dict.fromkeys(name for values in facts for name in values):
            texts = "; ".join(distinct(values.get(name) for values in facts))
            rows.append((_case(known[0]), known[0].host, name, texts))
    return Table(title=title, header=("case", "host", what, "value"), rows=tuple(rows))
