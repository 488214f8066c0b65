"""How long batches took: a histogram of the steps of a run, with its percentiles."""

import math
from collections.abc import Sequence

from pinbench.base.units import ns_to_ms
from pinbench.harness.kpi.latency import latencies_ns, percentile
from pinbench.harness.report.page.chart import Axis, Chart, figure
from pinbench.harness.report.page.detail import Detail
from pinbench.harness.report.page.grid import Cell, grid, number
from pinbench.harness.report.page.markup import Markup, join

TITLE = "Latency distribution"
_BINS = 48
_MARKED = (500, 900, 990)
_PERMILLES = (500, 900, 950, 990, 999)
_WIDE = 20.0  # a span that is drawn on a logarithmic axis


def section(details: Sequence[Detail]) -> Markup | None:
    """Return a histogram for each run; None: there is none."""
    return join(*map(_plot, details)) or None


def bins(ascending: Sequence[float], count: int = _BINS) -> list[tuple[float, float, int]]:
    """Return (from, to, how many) of equal bins; equal in ratio where the values span a wide range."""
    low, high = ascending[0], ascending[-1]
    if low == high:
        return [(low, high, len(ascending))]
    is_log = low > 0 and high / low > _WIDE
    edges = [
        low * (high / low) ** (place / count) if is_log else low + (high - low) * place / count
        for place in range(count + 1)
    ]
    found = [0] * count
    for value in ascending:
        share = math.log(value / low) / math.log(high / low) if is_log else (value - low) / (high - low)
        found[min(count - 1, int(share * count))] += 1
    return [(edges[place], edges[place + 1], found[place]) for place in range(count)]


def _plot(detail: Detail) -> Markup:
    steps_ns = latencies_ns(detail.run)
    steps_ms = [ns_to_ms(ns) for ns in steps_ns]
    found = bins(steps_ms)
    name = f"latency-{detail.name}"
    chart = Chart(
        name=name,
        title="Batch times",
        description=f"A histogram of {len(steps_ms)} steps; the table beside it has the percentiles.",
        x=Axis(label="time of a batch (ms)", values=[steps_ms[0], steps_ms[-1]]),
        y=Axis(label="steps", values=[0, *(count for _, _, count in found)], can_be_log=False),
        height=280,
    )
    for low, high, count in found:
        if count:
            chart.bar(low, high, 0, count, "bar", f"{number(low)} to {number(high)} ms: {count} steps")
    for row, permille in enumerate(_MARKED):
        value = percentile(steps_ns, permille)
        if value is not None:
            chart.vertical(ns_to_ms(value), f"P{permille / 10:g} {number(ns_to_ms(value), 3)} ms", row=row)
    return figure(chart, f"of {detail.title}, all instances together, in the common window.", _table(name, steps_ns))


def _table(name: str, steps_ns: Sequence[int]) -> Markup:
    named: list[tuple[str, float | None]] = [("least", steps_ns[0]), ("mean", sum(steps_ns) / len(steps_ns))]
    named += [(f"P{permille / 10:g}", percentile(steps_ns, permille)) for permille in _PERMILLES]
    named.append(("greatest", steps_ns[-1]))
    rows: list[list[Cell]] = [[what, number(ns_to_ms(value))] for what, value in named if value is not None]
    caption = f"Percentiles of {len(steps_ns)} steps; those that so few cannot tell are absent"
    return grid(f"{name}-table", caption, ("of the steps", "ms"), rows)
