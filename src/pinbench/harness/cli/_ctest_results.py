"""What the runs of a call measured, by case and turn, from the log directories that its journal names."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.contract.kpi import Kpi
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.record.journal import Line, log_directories
from pinbench.harness.report.entries import Entry, Outcome, read_entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The key KPI of a case in some turns."""

    kpi: Kpi
    values: tuple[float, ...]  # one of each iteration that passed

    @property
    def goodness(self) -> float:
        """The median, negative where less is better."""
        middle = statistics.median(self.values)
        return -middle if self.kpi.higher_is_better is False else middle


def entries_of(lines: Sequence[Line], turns: set[str] | None = None) -> tuple[Entry, ...]:
    """Return the iterations of the runs in `lines` (of `turns`; None: all)."""
    found: list[Entry] = []
    for path in log_directories(lines, turns):
        found += _entries(path)
    return tuple(found)


def measured(entries: Sequence[Entry], test: str) -> Measured | None:
    """Return what the case that ctest calls `test` reached in `entries`; None when no iteration passed."""
    kpis = [
        entry.primary
        for entry in entries
        if entry.outcome is Outcome.PASSED and entry.primary is not None
        and entry.case is not None and TEST_PREFIX + entry.case.name == test
    ]  # fmt: skip
    return Measured(kpi=kpis[0], values=tuple(float(kpi.value) for kpi in kpis)) if kpis else None


def _entries(path: Path) -> tuple[Entry, ...]:
    try:
        return read_entries([path])
    except UsageError:
        return ()  # somebody has moved it since
