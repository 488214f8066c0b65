"""Statistics of a case over its passed iterations; cases are never pooled, nor are hosts."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.jsonio import to_jsonable
from pinbench.contract.case import Case
from pinbench.contract.kpi import Kpi
from pinbench.harness.report.entries import Entry, Outcome
from pinbench.harness.report.sample import Sample, sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One KPI of several iterations."""

    kpi: Kpi  # of one of them, for its name and unit
    sample: Sample
    outliers: tuple[Path, ...] = ()  # the iterations whose values lie apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One case on one kind of host."""

    case: Case
    host: str | None
    failed: int  # iterations that gave no number: failed or incomplete
    key: Figures | None = None  # of the key KPI; None: there is no number
    others: tuple[Figures, ...] = ()  # of all other KPIs that are numbers

    @property
    def kpi(self) -> Kpi | None:
        """The key KPI of one iteration, for its name and unit."""
        return None if self.key is None else self.key.kpi

    @property
    def n(self) -> int:
        """How many iterations gave a number."""
        return 0 if self.key is None else self.key.sample.n

    @property
    def avg(self) -> float | None:
        """The mean of the key KPI."""
        return None if self.key is None else self.key.sample.avg

    @property
    def med(self) -> float | None:
        """The median of the key KPI."""
        return None if self.key is None else self.key.sample.med

    @property
    def min(self) -> float | None:
        """The least value of the key KPI."""
        return None if self.key is None else self.key.sample.min

    @property
    def max(self) -> float | None:
        """The greatest value of the key KPI."""
        return None if self.key is None else self.key.sample.max

    @property
    def seed_line(self) -> str | None:
        """The one-line form, e.g. ``inference_throughput_amx_bfloat16(samples/sec): 191654.354``."""
        if self.key is None:
            return None
        case = self.case
        parts = [case.function, case.mode, case.label, case.variant, "customized" if case.overrides else ""]
        return f"{'_'.join(part for part in parts if part)}({self.key.kpi.unit}): {self.key.sample.avg:.3f}"


def summarise(entries: Sequence[Entry]) -> tuple[Summary, ...]:
    """Return a summary for each case and host, in the order of their first iteration.

    An iteration without a record counts as failed where another one of its log directory tells the case.
    """
    groups = group(entries)
    return tuple(_summary(found) for found in groups)


def group(entries: Sequence[Entry]) -> tuple[list[Entry], ...]:
    """Return the entries of each case and host together."""
    texts: dict[int, str] = {}  # of cases by identity: many entries share one
    keys = {entry.path: _key(entry, texts) for entry in entries if entry.case is not None}
    siblings = {path.resolve().parent: key for path, key in keys.items()}
    groups: dict[tuple[str, str | None], list[Entry]] = {key: [] for key in keys.values()}
    for entry in entries:
        key = keys.get(entry.path) or siblings.get(entry.path.resolve().parent)
        if key is not None:
            groups[key].append(entry)
    return tuple(groups.values())


def number(kpi: Kpi) -> float | None:
    """Return the value of `kpi` where it is a number; None for a text, NaN and what is infinite."""
    if isinstance(kpi.value, str) or not math.isfinite(kpi.value):
        return None
    return float(kpi.value)


def _key(entry: Entry, texts: dict[int, str]) -> tuple[str, str | None]:
    if id(entry.case) not in texts:
        texts[id(entry.case)] = json.dumps(to_jsonable(entry.case), sort_keys=True)
    return texts[id(entry.case)], entry.host


def _summary(found: Sequence[Entry]) -> Summary:
    case, host = next((entry.case, entry.host) for entry in found if entry.case is not None)
    passed = [entry for entry in found if entry.outcome is Outcome.PASSED]
    figures = _figures(passed)
    key = next((figure for figure in figures if figure.kpi.primary), None)
    failed = sum(entry.outcome in (Outcome.FAILED, Outcome.INCOMPLETE) for entry in found)
    return Summary(
        case=case,
        host=host,
        failed=failed + len(passed) - (0 if key is None else key.sample.n),
        key=key,
        others=tuple(figure for figure in figures if not figure.kpi.primary),
    )


def _figures(passed: Sequence[Entry]) -> list[Figures]:
    values: dict[tuple[str, str, bool], tuple[Kpi, list[float], list[Path]]] = {}
    for entry in passed:
        for kpi in entry.kpis:
            if (value := number(kpi)) is not None:
                _, numbers, paths = values.setdefault((kpi.name, kpi.unit, kpi.primary), (kpi, [], []))
                numbers.append(value)
                paths.append(entry.path)
    return [_of(kpi, numbers, paths) for kpi, numbers, paths in values.values()]


def _of(kpi: Kpi, values: Sequence[float], paths: Sequence[Path]) -> Figures:
    found = sample(values)
    return Figures(kpi=kpi, sample=found, outliers=tuple(paths[place] for place in found.outliers))
