"""A comparison as a plot: the ratio of each KPI with its interval, beside the threshold, and the table of them."""

from collections.abc import Sequence

from pinbench.base.units import PERCENT
from pinbench.harness.report.compare import Comparison, Line, Verdict
from pinbench.harness.report.page.chart import Axis, Chart, figure
from pinbench.harness.report.page.grid import grid
from pinbench.harness.report.page.markup import Markup, element, join
from pinbench.harness.report.page.points import short_names
from pinbench.harness.report.tables import comparison_table, kpi_name

TITLE = "Comparison"
_MOST = 24  # rows of a plot; the table has them all
_ROW = 26
_SERIES = {Verdict.BETTER: 2, Verdict.WORSE: 1, Verdict.SAME: 0, Verdict.UNDECIDED: 5}


def section(comparison: Comparison | None) -> Markup | None:
    """Return the plot, the table and the notes; None: nothing was compared."""
    if comparison is None:
        return None
    table = comparison_table(comparison)
    shown = grid("comparison", "New against base; above 1: the value has grown", table.header, table.rows)
    drawn = [line for line in comparison.lines if line.ratio is not None][:_MOST]
    notes = element("ul", *(element("li", note) for note in comparison.notes)) if comparison.notes else None
    plot = _plot(drawn, comparison) if drawn else None
    return join(plot, shown, notes)


def _plot(lines: Sequence[Line], comparison: Comparison) -> Markup:
    demand = comparison.demand
    ratios = [ratio for line in lines if line.ratio is not None for ratio in (line.ratio.low, line.ratio.high)]
    chart = Chart(
        name="ratios",
        title="New over base",
        description=f"The ratios of {len(lines)} KPIs with their intervals; the table below has their numbers.",
        x=Axis(label="new / base", values=[*ratios, 1 - demand.threshold, 1 + demand.threshold], can_be_log=False),
        y=Axis(
            label="row", values=[0.0, len(lines) + 1.0], can_be_log=False,
            ticks=tuple((len(lines) - row, f"{row + 1}") for row in range(len(lines))),
        ),
        height=90 + _ROW * (len(lines) + 1),
    )  # fmt: skip
    chart.bar(1 - demand.threshold, 1 + demand.threshold, chart.up.low, chart.up.high, "band")
    chart.vertical(1.0, class_="roof")
    for row, line in enumerate(lines):
        _draw(chart, len(lines) - row, line)
    for verdict in dict.fromkeys(line.verdict for line in lines):
        words = dict.fromkeys(line.word for line in lines if line.verdict is verdict)
        chart.legend(" or ".join(words), _SERIES[verdict])
    names = short_names(dict.fromkeys(line.case for line in lines))
    key = [element("li", f"{names[line.case]}: {kpi_name(line.kpi)}, {line.word}") for line in lines]
    least, sure = f"{demand.threshold * PERCENT:g} %", f"{demand.confidence * PERCENT:g} %"
    caption = f"Strokes: intervals of {sure}; band: differences below {least}, which do not count."
    return figure(chart, caption, element("ol", *key, class_="key"))


def _draw(chart: Chart, place: float, line: Line) -> None:
    assert line.ratio is not None
    y, series = chart.up.place(place), _SERIES[line.verdict]
    low, high = chart.across.place(line.ratio.low), chart.across.place(line.ratio.high)
    chart.add(element("line", x1=low, x2=high, y1=y, y2=y, class_=f"line s{series}"))
    chart.point(line.ratio.value, place, series, f"{line.case}, {line.kpi.name}: {line.ratio.value:.4f}, {line.word}")
