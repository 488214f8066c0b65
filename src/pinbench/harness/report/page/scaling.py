"""Scaling: throughput over instances and over the cores of each with the other held, and over shares of all cores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pinbench.base.units import PERCENT
from pinbench.harness.report.page.chart import SERIES, Axis, Chart, figure
from pinbench.harness.report.page.grid import Cell, Digits, grid, number
from pinbench.harness.report.page.markup import Markup, element, join
from pinbench.harness.report.page.points import Point, by_case, by_task, settings, short_names, where
from pinbench.harness.report.sample import Sample

TITLE = "Scaling"
_INSTANCES, _CORES = "INSTANCE_NUMBER", "CORES_PER_INSTANCE"
_PLACES = frozenset((_INSTANCES, _CORES))
_THROUGHPUT = ("Total Throughput", "Throughput")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Points that differ in one count alone, ascending."""

    label: str
    counts: tuple[int, ...]
    samples: tuple[Sample, ...]

    def share_of_ideal(self, place: int) -> float:
        """Return the throughput for each unit over that of the first point: 1 is as good as can be."""
        return self.samples[place].med / self.counts[place] / (self.samples[0].med / self.counts[0])


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is counted along the axis, and what is held."""

    what: str
    split: Callable[[int, int], tuple[int, str]]  # from instances and cores of each: the count, and what is held
    grows: bool = True  # whether a higher count means more cores, so that more throughput is expected


KINDS = {
    "instances": Kind(what="instances", split=lambda instances, cores: (instances, f"{_CORES}={cores}")),
    "cores": Kind(what="cores of each instance", split=lambda instances, cores: (cores, f"{_INSTANCES}={instances}")),
    "shares": Kind(
        what="instances that share the same cores",
        split=lambda instances, cores: (instances, f"{instances * cores} cores"),
        grows=False,
    ),
}


def section(points: Sequence[Point]) -> Markup | None:
    """Return the plots of both kinds; None: nothing was measured at two counts."""
    plots = []
    for place, task in enumerate(by_task(points), start=1):
        for word, kind in KINDS.items():
            found = curves(task, kind)
            if found:
                plots.append(_plot(f"scaling-{word}-{place}", found, kind, where(task)))
    return join(*plots) or None


def curves(task: Sequence[Point], kind: Kind) -> list[Curve]:
    """Return the curves of a kind, those with the most throughput first."""
    groups: dict[str, dict[int, Sample]] = {}
    names = short_names(dict.fromkeys(point.case for point in task))
    for case in by_case(task):
        others = settings([point for point in case if point.passed], _PLACES)
        for point in case:
            instances, cores, found = point.read_back(_INSTANCES), point.read_back(_CORES), point.sample(*_THROUGHPUT)
            # A text such as "3-4": instances differ.
            if not isinstance(instances, int) or not isinstance(cores, int) or found is None or found.med <= 0:
                continue
            count, held = kind.split(instances, cores)
            words = (names[point.case] if len(names) > 1 else "", others[point.number], held)
            groups.setdefault(" ".join(filter(None, words)), {}).setdefault(count, found)
    found_curves = [
        Curve(label=label, counts=tuple(sorted(curve)), samples=tuple(curve[count] for count in sorted(curve)))
        for label, curve in groups.items()
        if len(curve) > 1
    ]
    return sorted(found_curves, key=lambda curve: -max(sample.med for sample in curve.samples))


def _plot(name: str, found: Sequence[Curve], kind: Kind, of: str) -> Markup:
    drawn = found[:SERIES]
    counts = sorted({count for curve in drawn for count in curve.counts})
    tops = [sample.max for curve in drawn for sample in curve.samples]
    tops += [_ideal(curve) for curve in drawn if kind.grows]
    chart = Chart(
        name=name,
        title=f"Throughput over {kind.what}",
        description=f"{len(drawn)} curves of {of}; the table beside it has their numbers.",
        x=Axis(label=kind.what, values=[0, *counts], can_be_log=False, ticks=tuple((n, f"{n}") for n in counts)),
        y=Axis(label="throughput (samples/s)", values=[0.0, *tops], can_be_log=False),
    )
    for series, curve in enumerate(drawn):
        _draw(chart, curve, series, kind)
    if kind.grows:
        dashes = element("line", x1=-8, x2=8, y1=0, y2=0, class_="ideal")
        chart.legend_of(dashes, "in proportion to the first point")
    left_out = "" if len(found) == len(drawn) else f" The {len(drawn)} of {len(found)} curves with the most throughput."
    caption = f"of {of}. Medians of the runs; the strokes reach from the least to the greatest.{left_out}"
    return figure(chart, caption, _table(name, found, kind))


def _draw(chart: Chart, curve: Curve, series: int, kind: Kind) -> None:
    if kind.grows:
        first = curve.counts[0], curve.samples[0].med
        chart.line([first, (curve.counts[-1], _ideal(curve))], class_="ideal", dashes="3 4")
    chart.line([(n, sample.med) for n, sample in zip(curve.counts, curve.samples, strict=True)], series)
    for count, sample in zip(curve.counts, curve.samples, strict=True):
        x = chart.across.place(count)
        low, high = chart.up.place(sample.min), chart.up.place(sample.max)
        chart.add(element("line", x1=x, x2=x, y1=low, y2=high, class_=f"line s{series}"))
        hint = f"{curve.label}, {count}: {number(sample.med)} samples/s"
        chart.point(count, sample.med, series, hint)
    chart.legend(curve.label, series)


def _ideal(curve: Curve) -> float:
    return curve.samples[0].med * curve.counts[-1] / curve.counts[0]


def _table(name: str, found: Sequence[Curve], kind: Kind) -> Markup:
    rows: list[list[Cell]] = []
    for curve in found:
        for place, (count, sample) in enumerate(zip(curve.counts, curve.samples, strict=True)):
            ideal = [Digits(f"{curve.share_of_ideal(place) * PERCENT:.1f}")] if kind.grows else []
            rows.append(
                [count, number(sample.med), number(sample.min), number(sample.max), sample.n, *ideal, curve.label]
            )
    header = ("count", "samples/s", "least", "greatest", "runs", *(["% of ideal"] if kind.grows else []), "curve")
    return grid(f"{name}-table", f"Throughput over {kind.what}", header, rows)
