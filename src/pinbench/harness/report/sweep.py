"""The points of a sweep side by side: one table for each case, the best point, and the command that repeats it."""

import shlex
from collections.abc import Iterator, Sequence

from pinbench.contract.case import Scalar
from pinbench.harness.kpi.text import format_value
from pinbench.harness.record.repeat import repeat_command
from pinbench.harness.record.tunables import tunables
from pinbench.harness.report.columns import aligned
from pinbench.harness.report.listing import Listing
from pinbench.harness.report.summary import Summary, summarise

_LEFT_TO_THE_PLANNER = "-"
_FIGURES = ("n", "failed", "median", "min", "max", "of the best")


def render(listing: Listing) -> str:
    """Return the tables as text."""
    cases: dict[tuple[str, str | None], list[Summary]] = {}
    for summary in summarise(listing.entries):
        cases.setdefault((summary.case.name, summary.host), []).append(summary)
    return "\n\n".join("\n".join(_of_case(points)) for points in cases.values()) + "\n"


def _of_case(points: Sequence[Summary]) -> Iterator[str]:
    host = "" if points[0].host is None else f" on {points[0].host}"
    best = _best(points)
    kpi = None if best is None else best.kpi
    title = "no point gave a number" if kpi is None else f"{kpi.name} ({kpi.unit})"
    yield f"# test_{points[0].case.name}{host}: {len(points)} points, {title}"
    names = swept(points)
    ordered = sorted(points, key=lambda point: -_share(point, best))
    rows = [[*_values(point, names), *_figures(point, best)] for point in ordered]
    yield from aligned([[*names, *_FIGURES], *rows], str.rjust)
    if best is not None:
        chosen = " ".join(f"{name}={value}" for name, value in zip(names, _values(best, names), strict=True))
        yield f"# best: {chosen or 'the only point'}"
        yield f"# repeat: {shlex.join(repeat_command(best.case, 1))}"


def swept(points: Sequence[Summary]) -> list[str]:
    """Return the names of the parameters that are not the same in all points."""
    found = [tunables(point.case) for point in points]
    names = dict.fromkeys(name for values in found for name in values)
    return [name for name in names if len({str(values.get(name)) for values in found}) > 1]


def _values(point: Summary, names: Sequence[str]) -> list[str]:
    values = tunables(point.case)
    return [shown(values.get(name)) for name in names]


def shown(value: Scalar | None) -> str:
    """Return the value of a parameter as the tables have it."""
    if isinstance(value, float):
        return f"{value:g}"
    return _LEFT_TO_THE_PLANNER if value is None else str(value)


def _figures(point: Summary, best: Summary | None) -> list[str]:
    measured = (point.med, point.min, point.max)
    numbers = [_LEFT_TO_THE_PLANNER if value is None else format_value(value) for value in measured]
    share = _share(point, best)
    return [str(point.n), str(point.failed), *numbers, f"{share:.3f}" if share else _LEFT_TO_THE_PLANNER]


def _best(points: Sequence[Summary]) -> Summary | None:
    """Return the point with the best median; of equal ones the first."""
    measured = [point for point in points if point.kpi is not None and point.med is not None]
    return max(measured, key=_goodness, default=None)


def _goodness(point: Summary) -> float:
    assert point.kpi is not None
    assert point.med is not None
    return -point.med if point.kpi.higher_is_better is False else point.med


def _share(point: Summary, best: Summary | None) -> float:
    """Return how near a point comes to the best one: 1 for it, 0 for one without a number."""
    if best is None or point.kpi is None or not point.med or not best.med:
        return 0.0
    return best.med / point.med if point.kpi.higher_is_better is False else point.med / best.med
