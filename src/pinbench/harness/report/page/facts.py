"""What surrounds the numbers: the results and runs as tables, the machines, and the commands that repeat each point."""

import shlex
from collections.abc import Sequence

from pinbench.contract.case import Scalar
from pinbench.harness.record.repeat import repeat_command
from pinbench.harness.report.comparable import distinct
from pinbench.harness.report.entries import Outcome
from pinbench.harness.report.listing import STATISTICS, Listing
from pinbench.harness.report.page.grid import Cell, grid, number
from pinbench.harness.report.page.markup import Markup, element, join
from pinbench.harness.report.page.points import Point, by_case, settings
from pinbench.harness.report.summary import Figures
from pinbench.harness.report.tables import Table, kpi_name, tables

_MOST_ROWS = 4_000  # of the table of all KPIs: a page with more is slow to open
_LATENCY = "P99 Latency"
_OTHERS = "CPU Taken by Other Processes"
# What a reader must know of a machine first; --sutinfo shows all.
_FACTS = (
    "PLATFORM", "CPUS", "CORES", "SOCKETS", "NODES", "CPU_QUOTA", "MEMORY_BYTES", "MEMORY_LIMIT_BYTES", "MICROCODE",
    "KERNEL", "OS", "HYPERVISOR", "CONTAINER", "GOVERNOR", "TURBO", "SMT", "TRANSPARENT_HUGEPAGES", "NUMA_BALANCING",
    "SWAP_USED_BYTES", "PINBENCH", "GIT_COMMIT", "PYTHON", "PACKAGES",
)  # fmt: skip


def results(points: Sequence[Point]) -> Markup:
    """Return a row for each point: its key KPI and what tells whether to trust it."""
    header = (
        "point", "case", "KPI", "median", "CV %", "95 % from", "95 % to", "runs", "failed", "P99 ms", "other load %",
        "setting",
    )  # fmt: skip
    rows: list[Sequence[Cell]] = []
    for case in by_case(points):
        # What only a point without a number has does not tell the others apart.
        words, better = settings(case), settings([point for point in case if point.passed])
        rows += [_result(point, better.get(point.number) or words[point.number]) for point in case]
    return grid("results", "Points: medians of their runs", header, rows, is_tool=True)


def _result(point: Point, setting: str) -> list[Cell]:
    start: list[Cell] = [point.number, f"test_{point.summary.case.display_name}"]
    counts: list[Cell] = [point.summary.n, point.summary.failed]
    key = point.summary.key
    if key is None:
        return [*start, *(None,) * 5, *counts, None, None, setting]
    name = f"{kpi_name(key.kpi)} ({key.kpi.unit})" if key.kpi.unit else kpi_name(key.kpi)
    figures = (key.sample.med, key.sample.cv, key.sample.low95, key.sample.high95)
    others = (point.median(_LATENCY), point.median(_OTHERS))
    return [*start, name, *map(_number, figures), *counts, *map(_number, others), setting]


def _number(value: float | None) -> Cell:
    return None if value is None else number(value)


def runs(listing: Listing) -> Markup | None:
    """Return a row for each run."""
    (table,) = (table for table in tables(listing) if table.title == "Runs")
    return _whole("runs", table)


def rest(listing: Listing) -> Markup:
    """Return what else was asked for: the statistics of all KPIs, parameters, all facts of the machines."""
    asked = [table for table in tables(listing) if table.title in ("Parameters", "Systems")]
    return join(_whole("figures", _statistics(listing)), *(_whole(table.title.lower(), table) for table in asked))


def _statistics(listing: Listing) -> Table:
    rows = (
        (place, kpi_name(figures.kpi), figures.kpi.unit or None, figures.sample.n, *_values(figures))
        for place, summary in enumerate(listing.summaries, start=1)
        for figures in listing.figures(summary)
    )
    header = ("point", "KPI", "unit", "n", *STATISTICS)
    return Table(title="Statistics of the points", header=header, rows=tuple(rows))


def _values(figures: Figures) -> tuple[float | None, ...]:
    return tuple(getattr(figures.sample, statistic) for statistic in STATISTICS)


def _whole(name: str, table: Table) -> Markup | None:
    if len(table.rows) > _MOST_ROWS:
        return element("p", f"{table.title}: {len(table.rows)} rows are too many for a page; csv and xlsx have them.")
    return grid(name, table.title, table.header, table.rows, is_tool=True) if table.rows else None


def hosts(listing: Listing) -> Markup | None:
    """Return a table with a column for each kind of machine; None: no run tells."""
    kinds = list(dict.fromkeys(entry.host for entry in listing.entries if entry.system))
    columns = [[entry.system for entry in listing.entries if entry.system and entry.host == kind] for kind in kinds]
    rows: list[list[Cell]] = []
    for name in _FACTS:
        texts = ["; ".join(distinct(facts.get(name) for facts in column)) for column in columns]
        if any(texts):
            rows.append([name, *(text or None for text in texts)])
    header = ("fact", *(str(kind or "an unknown CPU") for kind in kinds))
    return grid("hosts", "Machines and software, as the runs saw them", header, rows) if rows else None


def commands(points: Sequence[Point]) -> Markup | None:
    """Return for each point the command that repeats it; None: there is none."""
    rows: list[list[Cell]] = [
        [point.number, element("code", shlex.join(repeat_command(point.summary.case, max(1, point.summary.n))))]
        for point in points
    ]
    return grid("commands", "To repeat a point, in a checkout", ("point", "command"), rows) if rows else None


def counts(listing: Listing) -> str:
    """Return in one line how many runs there are and how they ended."""
    found = [entry.outcome for entry in listing.entries]
    outcomes = {outcome: found.count(outcome) for outcome in Outcome if outcome in found}
    runs_word = "1 run" if len(listing.entries) == 1 else f"{len(listing.entries)} runs"
    times: list[Scalar] = sorted(entry.started_at for entry in listing.entries if entry.started_at is not None)
    when = "" if not times else f"; {str(times[0])[:10]}"
    if times and str(times[0])[:10] != str(times[-1])[:10]:
        when += f" to {str(times[-1])[:10]}"
    return f"{runs_word}: {', '.join(f'{count} {outcome}' for outcome, count in outcomes.items())}{when}"
