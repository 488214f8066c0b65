"""Throughput against latency: each point of a sweep, and those that no other one beats in both (the Pareto front)."""

from collections.abc import Sequence

from pinbench.harness.report.page.chart import SERIES, Axis, Chart, figure
from pinbench.harness.report.page.grid import Cell, grid, number
from pinbench.harness.report.page.markup import Markup, element, join
from pinbench.harness.report.page.points import Point, by_case, by_task, settings, short_names, where

TITLE = "Throughput against latency"
_THROUGHPUT = ("Total Throughput", "Throughput")
# Of the percentiles the highest one that all points support.
_LATENCIES = ("P99 Latency", "P95 Latency", "P90 Latency", "P50 Latency", "Mean Latency")
_NUMBERED = 24  # more numbers in a plot than that cover each other


def section(points: Sequence[Point]) -> Markup | None:
    """Return a plot for each workload of which at least two points have both; None: there is none."""
    plots = [_plot(f"tradeoff-{place}", task) for place, task in enumerate(by_task(points), start=1)]
    return join(*plots) or None


def front(places: Sequence[tuple[float, float]]) -> list[int]:
    """Return which (latency, throughput) no other one beats: none has less latency and as much throughput.

    In the order of their latencies; of equal ones the first.
    """
    found: list[int] = []
    for index in sorted(range(len(places)), key=lambda index: (places[index][0], -places[index][1], index)):
        if not found or places[index][1] > places[found[-1]][1]:
            found.append(index)
    return found


def _plot(name: str, task: Sequence[Point]) -> Markup | None:
    latency = next((kpi for kpi in _LATENCIES if _count(task, kpi) == _count(task, "Mean Latency")), None)
    if latency is None:
        return None
    points = [point for point in task if _place(point, latency) is not None]
    if len(points) < 2:
        return None
    places = {point.number: place for point in points if (place := _place(point, latency)) is not None}
    label = f"{latency.removesuffix(' Latency')} latency of a batch (ms)"
    chart = Chart(
        name=name,
        title=TITLE,
        description=f"{len(points)} points of {where(points)}; the table beside it has their numbers.",
        x=Axis(label=label, values=[x for x, _ in places.values()], from_zero=True),
        y=Axis(label="throughput (samples/s)", values=[y for _, y in places.values()], from_zero=True),
    )
    cases = by_case(points)
    names = short_names(dict.fromkeys(point.case for point in points))
    best: set[int] = set()
    for series, case in enumerate(cases):
        ends = [case[index].number for index in front([places[point.number] for point in case])]
        best.update(ends)
        _draw(chart, case, places, ends, series % SERIES)
        if len(cases) > 1:
            chart.legend(names[case[0].case], series % SERIES)
    _number(chart, places, best)
    caption = f"of {where(points)}. Joined: points that no other of the case beats in both. Medians of the runs."
    return figure(chart, caption, _table(name, points, places, best, f"{latency.removesuffix(' Latency')} ms"))


def _draw(
    chart: Chart, case: Sequence[Point], places: dict[int, tuple[float, float]], ends: Sequence[int], series: int
) -> None:
    if len(ends) > 1:
        chart.line([places[number] for number in ends], series)
    words = settings(case)
    for point in case:
        x, y = places[point.number]
        hint = f"{point.number}: {words[point.number] or point.case}: {number(y)} samples/s at {number(x)} ms"
        chart.point(x, y, series, hint, "" if point.number in ends else "beaten")


def _number(chart: Chart, places: dict[int, tuple[float, float]], best: set[int]) -> None:
    chosen = places if len(places) <= _NUMBERED else sorted(best)[:_NUMBERED]
    for point in chosen:
        x, y = chart.across.place(places[point][0]), chart.up.place(places[point][1])
        is_right = x > chart.across.end - 30
        chart.add(
            element(
                "text", f"{point}", x=x + (-9 if is_right else 9), y=y - 6, class_="end small" if is_right else "small"
            )
        )


def _table(
    name: str, points: Sequence[Point], places: dict[int, tuple[float, float]], best: set[int], label: str
) -> Markup:
    several = len({point.case for point in points}) > 1
    names = short_names(dict.fromkeys(point.case for point in points))
    words = {number: setting for case in by_case(points) for number, setting in settings(case).items()}
    rows: list[list[Cell]] = []
    for point in sorted(points, key=lambda point: (point.number not in best, places[point.number])):
        x, y = places[point.number]
        what = " ".join(filter(None, (names[point.case] if several else "", words[point.number])))
        front_word = "yes" if point.number in best else None
        rows.append([point.number, number(x), number(y), len(point.passed), front_word, what or names[point.case]])
    header = ("point", label, "samples/s", "runs", "front", "setting")
    return grid(f"{name}-table", "Points; those on the front first", header, rows)


def _place(point: Point, latency: str) -> tuple[float, float] | None:
    x, y = point.median(latency), point.median(*_THROUGHPUT)
    return None if not x or not y else (x, y)


def _count(points: Sequence[Point], kpi: str) -> int | None:
    """Return how many points have a KPI; None: none has."""
    return sum(point.median(kpi) is not None and point.median(*_THROUGHPUT) is not None for point in points) or None
