"""The points of a report: a case with its parameters on a kind of host, and the runs that were made of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pinbench.contract.case import Scalar
from pinbench.harness.record.tunables import tunables
from pinbench.harness.report.entries import Entry, Outcome
from pinbench.harness.report.listing import Listing
from pinbench.harness.report.sample import Sample
from pinbench.harness.report.summary import Figures, Summary, group
from pinbench.harness.report.sweep import shown, swept


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point. `number` is its place in the report, from 1."""

    number: int
    summary: Summary
    entries: tuple[Entry, ...]

    @property
    def case(self) -> str:
        """The name of its case."""
        return self.summary.case.name

    @property
    def passed(self) -> list[Entry]:
        """The runs that gave numbers."""
        return [entry for entry in self.entries if entry.outcome is Outcome.PASSED]

    @cached_property
    def figures(self) -> dict[str, Figures]:
        """The statistics of its KPIs by their names."""
        key = () if self.summary.key is None else (self.summary.key,)
        return {figures.kpi.name: figures for figures in (*key, *self.summary.others)}

    def sample(self, *names: str) -> Sample | None:
        """Return the statistics of the first of these KPIs that was measured."""
        return next((self.figures[name].sample for name in names if name in self.figures), None)

    def median(self, *names: str) -> float | None:
        """Return the median of the first of these KPIs that was measured."""
        found = self.sample(*names)
        return None if found is None else found.med

    def read_back(self, name: str) -> Scalar | None:
        """Return what its runs really had of a parameter; None where they differ."""
        values = {entry.parameters.get(name) for entry in self.passed}
        return values.pop() if len(values) == 1 else None


def points_of(listing: Listing) -> tuple[Point, ...]:
    """Return the points of `listing`, in the order of their first runs."""
    together = zip(listing.summaries, group(listing.entries), strict=True)
    return tuple(
        Point(number=number, summary=summary, entries=tuple(entries))
        for number, (summary, entries) in enumerate(together, start=1)
    )


def by_task(points: Iterable[Point]) -> list[list[Point]]:
    """Return the points whose numbers may stand in one plot: of one workload, function and kind of host."""
    groups: dict[tuple[str, str, str | None], list[Point]] = {}
    for point in points:
        case = point.summary.case
        groups.setdefault((case.workload, case.function.value, point.summary.host), []).append(point)
    return list(groups.values())


def by_case(points: Iterable[Point]) -> list[list[Point]]:
    """Return the points of each case on each kind of host: a sweep."""
    groups: dict[tuple[str, str | None], list[Point]] = {}
    for point in points:
        groups.setdefault((point.case, point.summary.host), []).append(point)
    return list(groups.values())


def best(points: Sequence[Point]) -> Point | None:
    """Return the point with the best median of the key KPI; of equal ones the first."""
    measured = [point for point in points if point.summary.key is not None]
    return max(measured, key=_goodness, default=None)


def _goodness(point: Point) -> float:
    key = point.summary.key
    assert key is not None
    return -key.sample.med if key.kpi.higher_is_better is False else key.sample.med


def settings(among: Sequence[Point], without: frozenset[str] = frozenset()) -> dict[int, str]:
    """Return for each point, by its number, the parameters by which it differs from the others `among` them."""
    names = [name for name in swept([point.summary for point in among]) if name not in without]
    found = {point.number: tunables(point.summary.case) for point in among}
    return {
        number: " ".join(f"{name}={shown(values[name])}" for name in names if name in values)
        for number, values in found.items()
    }


def where(points: Sequence[Point]) -> str:
    """Return what the points of one plot have in common."""
    case, host = points[0].summary.case, points[0].summary.host
    return f"{case.workload}, {case.function.value}{'' if host is None else f', {host}'}"


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each of `names` of cases the words by which it differs from the others."""
    words = {name: name.split("_") for name in names}
    common = 0
    for column in zip(*words.values(), strict=False):
        if len(set(column)) > 1:
            break
        common += 1
    if len(words) == 1:
        return {name: name for name in words}
    return {name: "_".join(parts[common:]) or name for name, parts in words.items()}
