"""How near each point comes to its compute roof: the GEMM peak that its own instances measured after the window.

Records have neither the bytes that a sample moves nor the bandwidth of memory, so there is no roof of memory here.
"""

from collections.abc import Sequence

from pinbench.harness.report.page.chart import Axis, Chart, figure
from pinbench.harness.report.page.grid import Cell, grid, number
from pinbench.harness.report.page.markup import Markup, element, join
from pinbench.harness.report.page.points import Point, by_case, by_task, settings, short_names, where

TITLE = "Compute roof"
_ACHIEVED, _ROOF, _SHARE, _WORK = "FLOPs", "GEMM Peak", "Compute Utilization", "FLOPs per Sample"
_MOST = 24  # rows of a plot; the table has them all
_ROW = 24


def section(points: Sequence[Point]) -> Markup | None:
    """Return a plot for each workload whose work and roof are known; None: there is none."""
    known = [point for point in points if point.median(_ACHIEVED) and point.median(_ROOF)]
    return join(*(_plot(f"roof-{place}", task) for place, task in enumerate(by_task(known), start=1))) or None


def _plot(name: str, task: Sequence[Point]) -> Markup:
    ordered = sorted(task, key=lambda point: -(point.median(_ACHIEVED) or 0.0))
    drawn = ordered[:_MOST]
    places = {point.number: len(drawn) - row for row, point in enumerate(drawn)}
    achieved = {point.number: point.median(_ACHIEVED) or 0.0 for point in drawn}
    roofs = {point.number: point.median(_ROOF) or 0.0 for point in drawn}
    chart = Chart(
        name=name,
        title="Achieved against the measured GEMM peak",
        description=f"{len(drawn)} points of {where(task)}; the table beside it has their numbers.",
        x=Axis(label="GFLOP/s", values=[*achieved.values(), *roofs.values()], from_zero=True),
        y=Axis(
            label="point", values=[0.0, len(drawn) + 1.0], can_be_log=False,
            ticks=tuple((place, f"{number}") for number, place in places.items()),
        ),
        height=90 + _ROW * (len(drawn) + 1),
    )  # fmt: skip
    for point in drawn:
        _draw(chart, places[point.number], achieved[point.number], roofs[point.number])
    chart.legend("achieved", 0)
    chart.legend_of(element("line", x1=0, x2=0, y1=-8, y2=8, class_="roof"), "GEMM peak, all instances at once")
    most = f" The {_MOST} of {len(task)} points with the most." if len(task) > _MOST else ""
    caption = f"of {where(task)}. Medians of the runs; bytes moved and bandwidth are not measured.{most}"
    return figure(chart, caption, _table(name, ordered))


def _draw(chart: Chart, row: float, achieved: float, roof: float) -> None:
    y, x = chart.up.place(row), chart.across.place(roof)
    chart.line([(achieved, row), (roof, row)], class_="ideal", dashes="2 3")
    chart.add(element("line", x1=x, x2=x, y1=y - 8, y2=y + 8, class_="roof"))
    chart.point(achieved, row, 0, f"{number(achieved)} of {number(roof)} GFLOP/s")


def _table(name: str, points: Sequence[Point]) -> Markup:
    names = short_names(dict.fromkeys(point.case for point in points))
    words = {place: setting for case in by_case(points) for place, setting in settings(case).items()}
    rows: list[list[Cell]] = []
    for point in points:
        measured = (point.median(kpi) for kpi in (_WORK, _ACHIEVED, _ROOF, _SHARE))
        what = " ".join(filter(None, (names[point.case] if len(names) > 1 else "", words[point.number])))
        rows.append(
            [
                point.number,
                *(None if value is None else number(value, 4) for value in measured),
                what or names[point.case],
            ]
        )
    header = ("point", "MFLOP/sample", "GFLOP/s", "peak GFLOP/s", "% of peak", "setting")
    return grid(f"{name}-table", "Work and roof; those that achieve most first", header, rows)
