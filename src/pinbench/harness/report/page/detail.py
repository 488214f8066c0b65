"""The steps of the runs that are shown one by one: of each case the best point, and of it the run in the middle."""

from collections.abc import Sequence
from dataclasses import dataclass

from pinbench.base.errors import KpiError, RecordError
from pinbench.harness.kpi.measurement import Measurement, measurement
from pinbench.harness.record.discover import RECORD
from pinbench.harness.record.schema import read_record
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.page.points import Point, best, by_case, settings
from pinbench.harness.report.summary import number

MOST = 8  # of them; a record may hold millions of steps
_LEAST_STEPS = 10  # of all instances together; of fewer there is no distribution


@dataclass(frozen=True, kw_only=True)
class Detail:
    """One run whose steps are at hand."""

    name: str  # a word
    title: str
    path: str
    run: Measurement


def details(points: Sequence[Point]) -> tuple[list[Detail], list[str]]:
    """Return the runs, and a line for each case of which none is shown."""
    found: list[Detail] = []
    notes = []
    measured = [point for point in points if point.summary.key is not None]
    chosen = [(point, case) for case in by_case(measured) if (point := best(case)) is not None]
    for point, case in chosen[:MOST]:
        entry = middle(point)
        try:
            run = measurement(read_record(entry.path / RECORD))
        except (RecordError, KpiError) as error:
            notes.append(f"{point.case}: {error}")
            continue
        if sum(len(result.step_ns) for result in run.results) < _LEAST_STEPS:
            notes.append(f"{point.case}: fewer than {_LEAST_STEPS} steps")
            continue
        title = " ".join(filter(None, (f"test_{point.case}", settings(case)[point.number])))
        found.append(Detail(name=f"run-{len(found) + 1}", title=title, path=str(entry.path), run=run))
    if len(chosen) > MOST:
        notes.append(f"{len(chosen) - MOST} more cases, whose steps are in their records")
    return found, notes


def middle(point: Point) -> Entry:
    """Return the run whose key KPI is nearest to the median of the point, which has one; of equal ones the first."""
    key = point.summary.key
    assert key is not None
    values = [(entry, number(entry.primary)) for entry in point.passed if entry.primary is not None]
    measured = [(abs(value - key.sample.med), entry) for entry, value in values if value is not None]
    return min(measured, key=lambda pair: pair[0])[1]
