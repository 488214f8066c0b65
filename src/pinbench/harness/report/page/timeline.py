"""The steps of a run in the order of time; those marked that stand apart from the others of their instance as slow."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pinbench.base.units import PERCENT, ns_to_ms, ns_to_s
from pinbench.contract.result import InstanceResult
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.report.page.chart import Axis, Chart, figure
from pinbench.harness.report.page.detail import Detail
from pinbench.harness.report.page.grid import Cell, grid, number
from pinbench.harness.report.page.markup import Markup, element, join
from pinbench.harness.report.sample import outliers

TITLE = "Time line of steps"
_SPANS = 160  # of time, each drawn as one column
_MARKS = 60  # the longest of the steps that stand apart


@dataclass(frozen=True, slots=True)
class Step:
    """When it began, in seconds since the first step of the run, and how long it took."""

    at_s: float
    ms: float
    instance: int


def section(details: Sequence[Detail]) -> Markup | None:
    """Return a plot for each run; None: there is none."""
    return join(*map(_plot, details)) or None


def steps(run: Measurement) -> list[Step]:
    """Return all measured steps of all instances."""
    origin = min(result.begin_ns[0] for result in run.results)
    return [
        Step(ns_to_s(begin - origin), ns_to_ms(duration), result.index)
        for result in run.results
        for begin, duration in zip(result.begin_ns, result.step_ns, strict=True)
    ]


def apart(results: Sequence[InstanceResult], origin_ns: int) -> list[Step]:
    """Return the steps that are slower than the others of their own instance and stand apart, by their MAD."""
    found = []
    for result in results:
        middle = statistics.median(result.step_ns)
        for place in outliers(result.step_ns):
            if result.step_ns[place] > middle:
                at_s = ns_to_s(result.begin_ns[place] - origin_ns)
                found.append(Step(at_s, ns_to_ms(result.step_ns[place]), result.index))
    return found


def spans(found: Sequence[Step], count: int = _SPANS) -> list[tuple[float, float, float, float, float]]:
    """Return (from, to, least, median, greatest) of the steps that began in each of equal spans of time."""
    end = max(step.at_s for step in found)
    width = end / count if end else 1.0
    groups: dict[int, list[float]] = {}
    for step in found:
        groups.setdefault(min(count - 1, int(step.at_s / width)), []).append(step.ms)
    return [
        (place * width, (place + 1) * width, min(values), statistics.median(values), max(values))
        for place, values in sorted(groups.items())
    ]


def _plot(detail: Detail) -> Markup:
    run = detail.run
    found = steps(run)
    origin = min(result.begin_ns[0] for result in run.results)
    marked = apart(run.results, origin)
    columns = spans(found)
    name = f"timeline-{detail.name}"
    chart = Chart(
        name=name,
        title="Steps over time",
        description=f"{len(found)} steps, {len(marked)} of which stand apart as slow; noise: see the table.",
        x=Axis(label="time since the first step (s)", values=[0, columns[-1][1]], can_be_log=False),
        y=Axis(label="time of a batch (ms)", values=[step.ms for step in found], from_zero=True),
        height=280,
    )
    for left, right, low, _, high in columns:
        chart.bar(left, right, low, high, "band")
    chart.line([((left + right) / 2, middle) for left, right, _, middle, _ in columns])
    for step in sorted(marked, key=lambda step: -step.ms)[:_MARKS]:
        hint = f"instance {step.instance} at {step.at_s:.3f} s: {number(step.ms)} ms"
        chart.point(step.at_s, step.ms, 4, hint, "noise")
    _legend(chart, len(marked))
    caption = f"of {detail.title}. Band: the least to the greatest step begun in a span of time; line: their median."
    return figure(chart, caption, _table(name, run, len(found), len(marked)))


def _legend(chart: Chart, marked: int) -> None:
    chart.legend_of(element("line", x1=-8, x2=8, y1=0, y2=0, class_="line s0"), "median of all instances")
    if marked:
        most = f", the {_MARKS} longest of {marked}" if marked > _MARKS else ""
        chart.legend(f"slow steps that stand apart{most}", 4)


def _table(name: str, run: Measurement, count: int, marked: int) -> Markup:
    rows: list[list[Cell]] = [
        ["instances", len(run.results)],
        ["steps", count],
        ["slow steps that stand apart", marked],
        ["time measured together (s)", number(ns_to_s(run.window.duration_ns))],
        ["overlap of the instances (%)", number(run.overlap * PERCENT)],
        *_noise(run),
    ]
    return grid(f"{name}-table", "What disturbed this run, as far as the host told", ("fact", "value"), rows)


def _noise(run: Measurement) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    load = run.record.load
    if load is not None:
        shares = (
            ("CPU busy (%)", load.busy_share),
            ("CPU taken by other processes (%)", load.other_busy_share),
            ("CPU taken by the hypervisor (%)", load.steal_share),
        )
        rows += [[what, number(share * PERCENT, 3)] for what, share in shares if share is not None]
        if load.load_1m_before is not None:
            rows.append(["load average before the run", number(load.load_1m_before, 3)])
    moves = [result.placement.migrations for result in run.results if result.placement is not None]
    known = [count for count in moves if count is not None]
    if known:
        rows.append(["migrations between CPUs", sum(known)])
    return rows
