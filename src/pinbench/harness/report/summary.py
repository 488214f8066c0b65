"""Statistics of a case over its passed iterations; cases are never pooled, nor are hosts."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pinbench.base.jsonio import to_jsonable
from pinbench.contract.case import Case
from pinbench.contract.kpi import Kpi
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.report.entries import Entry, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The key KPI of one case on one kind of host. None: too few values to say."""

    case: Case
    host: str | None
    failed: int  # iterations that gave no number: failed or incomplete
    kpi: Kpi | None = None  # a passed iteration's, for its name and unit
    n: int = 0
    avg: float | None = None
    std: float | None = None  # of the sample: n - 1
    med: float | None = None  # of an even n: the mean of the middle two
    geo: float | None = None
    min: float | None = None
    max: float | None = None

    @property
    def seed_line(self) -> str | None:
        """The one-line form, e.g. ``inference_throughput_amx_bfloat16(samples/sec): 191654.354``."""
        if self.kpi is None or self.avg is None:
            return None
        case = self.case
        parts = [case.function, case.mode, case.label, case.variant, "customized" if case.overrides else ""]
        return f"{'_'.join(part for part in parts if part)}({self.kpi.unit}): {self.avg:.3f}"


def summarise(entries: Sequence[Entry]) -> tuple[Summary, ...]:
    """Return a summary for each case and host, in the order of their first iteration.

    An iteration without a record counts as failed where another one of its log directory tells the case.
    """
    keys = {entry.path: _key(entry) for entry in entries if entry.case is not None}
    siblings = {path.resolve().parent: key for path, key in keys.items()}
    groups: dict[str, list[Entry]] = {key: [] for key in keys.values()}
    for entry in entries:
        key = keys.get(entry.path) or siblings.get(entry.path.resolve().parent)
        if key is not None:
            groups[key].append(entry)
    return tuple(_summary(group) for group in groups.values())


def _key(entry: Entry) -> str:
    return json.dumps([to_jsonable(entry.case), entry.host], sort_keys=True)


def _summary(group: Sequence[Entry]) -> Summary:
    case, host = next((entry.case, entry.host) for entry in group if entry.case is not None)
    failed = sum(entry.outcome in (Outcome.FAILED, Outcome.INCOMPLETE) for entry in group)
    kpis = [entry.primary for entry in group if entry.outcome is Outcome.PASSED and entry.primary is not None]
    values = [float(kpi.value) for kpi in kpis]
    if not values:
        return Summary(case=case, host=host, failed=failed)
    return Summary(
        case=case,
        host=host,
        failed=failed,
        kpi=kpis[0],
        n=len(values),
        avg=rounded(statistics.mean(values)),
        std=rounded(statistics.stdev(values)) if len(values) > 1 else None,
        med=rounded(statistics.median(values)),
        geo=rounded(statistics.geometric_mean(values)) if min(values) > 0 else None,
        min=min(values),
        max=max(values),
    )
