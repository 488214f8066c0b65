"""Runs of one case against runs of it elsewhere or at another time: how much differs, and whether that is noise."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pinbench.base.errors import UsageError
from pinbench.contract.kpi import Kpi
from pinbench.harness.report.comparable import by_case, common_cases, differences, require_comparable, with_numbers
from pinbench.harness.report.entries import Entry, Outcome
from pinbench.harness.report.pairing import is_one_after_the_other, paired
from pinbench.harness.report.rank_test import rank_test, smallest_p
from pinbench.harness.report.ratio import Ratio, paired_ratio_of, ratio_of
from pinbench.harness.report.signed_rank import signed_rank_test, smallest_paired_p
from pinbench.harness.report.summary import number

_OF_SPEED = {"samples/sec", "pairs/sec", "GFLOP/s", "MiB/s", "ms", "s"}


class Verdict(StrEnum):
    """What may be said of a KPI."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"  # the interval lies within the threshold
    UNDECIDED = "undecided"  # neither a difference nor its absence is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """When a difference counts. Shares from 0 to 1."""

    threshold: float  # smaller ones are of no interest
    confidence: float
    allowed: frozenset[str] = frozenset()  # parameters that may differ
    all_kpis: bool = False
    kpis: tuple[str, ...] = ()  # by name; empty: the key KPI


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One KPI of one case."""

    case: str
    kpi: Kpi
    n_base: int
    n_new: int
    is_paired: bool = False  # the runs alternated, and neighbours were compared
    ratio: Ratio | None = None  # None: a value is 0 or below
    p: float | None = None
    verdict: Verdict
    note: str = ""

    @property
    def word(self) -> str:
        """The verdict in words that fit the KPI: of speed, better is faster."""
        words = {Verdict.BETTER: "faster", Verdict.WORSE: "slower"} if self.kpi.unit in _OF_SPEED else {}
        return words.get(self.verdict, self.verdict.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that is said of two sides."""

    lines: tuple[Line, ...]
    demand: Demand
    failed: tuple[str, ...] = ()  # cases with numbers in the base, of which the new side has runs and no number
    notes: tuple[str, ...] = ()  # what else differs, and what is not compared


def compare(base: Sequence[Entry], new: Sequence[Entry], demand: Demand) -> Comparison:
    """Return a line for each KPI that `demand` asks for of each case that both sides have numbers of.

    Raises:
        UsageError: no case is in both, or runs are not comparable: names what differs.
    """
    whole = [by_case(side, demand.allowed) for side in (base, new)]
    groups = [with_numbers(side) for side in whole]
    failed = tuple(name for name in groups[0] if name in whole[1] and name not in groups[1])
    common = [name for name in groups[0] if name in groups[1]] if failed else common_cases(groups[0], groups[1])
    one_sided = sorted((groups[0].keys() ^ groups[1].keys()) - set(failed))
    notes = [*differences(base, new), *(f"{name}: numbers on one side only" for name in one_sided)]
    for name in common:
        notes += _notes(name, whole[1][name], groups[0][name], groups[1][name])
    lines = tuple(line for name in common for line in _lines(name, groups[0][name], groups[1][name], demand))
    _require_found(lines, demand, [entry for name in common for entry in groups[0][name]])
    return Comparison(lines=lines, demand=demand, failed=failed, notes=tuple(notes))


def _notes(name: str, runs: Sequence[Entry], base: Sequence[Entry], new: Sequence[Entry]) -> Iterator[str]:
    failed = sum(entry.outcome in (Outcome.FAILED, Outcome.INCOMPLETE) for entry in runs)
    if failed:
        yield f"{name}: runs of NEW that gave no number and are not in it: {failed}"
    if is_one_after_the_other(base, new):
        yield (
            f"{name}: the runs of one side came after all of the other: what changed on the host in between counts as "
            "a difference; runs that alternate do not have that"
        )


def _lines(name: str, base: Sequence[Entry], new: Sequence[Entry], demand: Demand) -> Iterator[Line]:
    require_comparable(name, [*base, *new], demand.allowed)
    pairs = paired(base, new)
    if pairs is not None:
        base, new = pairs
    for kpi in base[0].kpis:
        if not _is_wanted(kpi, demand) or number(kpi) is None:
            continue
        values = [_values(side, kpi) for side in (base, new)]
        if all(values):
            # A run that lacks this KPI leaves its neighbour alone.
            is_paired = pairs is not None and len(values[0]) == len(values[1]) == len(base)
            yield compare_values(name, kpi, values[0], values[1], demand, is_paired=is_paired)


def _is_wanted(kpi: Kpi, demand: Demand) -> bool:
    named = kpi.name in demand.kpis if demand.kpis else kpi.primary or demand.all_kpis
    return named and kpi.higher_is_better is not None


def _require_found(lines: Sequence[Line], demand: Demand, base: Sequence[Entry]) -> None:
    there = {line.kpi.name for line in lines}
    missing = next((name for name in demand.kpis if name not in there), None)
    if missing is not None and base:
        legal = dict.fromkeys(kpi.name for entry in base for kpi in entry.kpis if kpi.higher_is_better is not None)
        raise UsageError(f"--kpi {missing!r}: no case has this KPI with a better side; there are: {', '.join(legal)}")


def _values(entries: Sequence[Entry], wanted: Kpi) -> list[float]:
    found = (number(kpi) for entry in entries for kpi in entry.kpis if kpi.name == wanted.name)
    return [value for value in found if value is not None]


def compare_values(
    name: str, kpi: Kpi, base: Sequence[float], new: Sequence[float], demand: Demand, *, is_paired: bool = False
) -> Line:
    """Return what may be said of the values of one KPI; where `is_paired`, `new[i]` belongs to `base[i]`."""

    def line(verdict: Verdict, *, ratio: Ratio | None = None, p: float | None = None, note: str = "") -> Line:
        return Line(
            case=name, kpi=kpi, n_base=len(base), n_new=len(new), is_paired=is_paired, ratio=ratio, p=p,
            verdict=verdict, note=note,
        )  # fmt: skip

    if min(*base, *new) <= 0:
        equal = set(base) == set(new)
        return line(Verdict.SAME if equal else Verdict.UNDECIDED, note="" if equal else "values of 0 have no ratio")
    if is_paired:
        ratio, smallest = paired_ratio_of(base, new, demand.confidence), smallest_paired_p(len(base))
        p = signed_rank_test([math.log(b / a) for a, b in zip(base, new, strict=True)])
    else:
        ratio, smallest = ratio_of(base, new, demand.confidence), smallest_p(len(base), len(new))
        p = rank_test(base, new)
    if smallest >= 1 - demand.confidence:
        needed = _least_runs(demand, smallest_paired_p if is_paired else lambda runs: smallest_p(runs, runs))
        note = f"too few runs to tell: {needed} of each; steps of one run share its state and do not count as runs"
        return line(Verdict.UNDECIDED, ratio=ratio, p=p, note=note)
    return line(_verdict(kpi, ratio, p, demand), ratio=ratio, p=p)


def _least_runs(demand: Demand, smallest: Callable[[int], float]) -> int:
    return next(runs for runs in itertools.count(2) if smallest(runs) < 1 - demand.confidence)


def _verdict(kpi: Kpi, ratio: Ratio, p: float, demand: Demand) -> Verdict:
    is_apart = not ratio.low <= 1 <= ratio.high
    if p < 1 - demand.confidence and is_apart and abs(ratio.value - 1) >= demand.threshold:
        return Verdict.BETTER if (ratio.value > 1) == kpi.higher_is_better else Verdict.WORSE
    if abs(ratio.low - 1) <= demand.threshold and abs(ratio.high - 1) <= demand.threshold:
        return Verdict.SAME
    return Verdict.UNDECIDED
