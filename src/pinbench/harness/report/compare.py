"""Runs of one case against runs of it elsewhere or at another time: how much differs, and whether that is noise."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pinbench.base.errors import UsageError
from pinbench.base.units import PERCENT
from pinbench.contract.case import Case, Scalar
from pinbench.contract.kpi import Kpi
from pinbench.harness.record.tunables import tunables
from pinbench.harness.report.columns import aligned
from pinbench.harness.report.entries import Entry, Outcome
from pinbench.harness.report.rank_test import rank_test, smallest_p
from pinbench.harness.report.ratio import Ratio, ratio_of

# Parameters that change neither what is computed nor how.
_IRRELEVANT = {"COST_PER_HOUR", "TIMEOUT", "ONEDNN_VERBOSE", "SEED"}
# What was read back, not only asked for.
_READ_BACK = (
    "MODEL_NAME", "TABLE_ROWS", "MAX_IND_RANGE", "WEIGHT_DTYPE", "TABLE_DTYPE", "DATASET_ROWS", "SERVING_STACK",
    "INSTANCE_NUMBER", "CORES_PER_INSTANCE", "THREADS_PER_INSTANCE", "EMULATED",
)  # fmt: skip
_FROM_HOST = ("PLATFORM", "CPU_MODEL", "KERNEL", "MICROCODE", "FRAMEWORK", "PINBENCH")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One KPI of one case."""

    case: Case
    kpi: Kpi
    n_base: int
    n_new: int
    ratio: Ratio | None  # None: a value is 0 or below
    p: float | None
    verdict: Verdict
    note: str = ""


def compare(base: Sequence[Entry], new: Sequence[Entry], demand: Demand) -> tuple[Line, ...]:
    """Return a line for each KPI (without `demand.all_kpis` the key KPI) of each case that both have.

    Raises:
        UsageError: no case is in both, a side has no number, or runs are not comparable: names what differs.
    """
    groups = [_by_case(side) for side in (base, new)]
    common = [name for name in groups[0] if name in groups[1]]
    if not common:
        raise UsageError(f"no case has numbers on both sides: {_names(groups[0])} and {_names(groups[1])}")
    return tuple(line for name in common for line in _lines(groups[0][name], groups[1][name], demand))


def differences(base: Sequence[Entry], new: Sequence[Entry]) -> tuple[str, ...]:
    """Return what else differs, such as the hosts: a line each, nothing that would forbid the comparison."""
    lines = []
    for name in _FROM_HOST:
        values = [_distinct(entry.parameters.get(name) for entry in side) for side in (base, new)]
        if values[0] != values[1]:
            lines.append(f"{name}: {', '.join(values[0]) or 'not known'} -> {', '.join(values[1]) or 'not known'}")
    return tuple(lines)


def left_out(base: Sequence[Entry], new: Sequence[Entry]) -> tuple[str, ...]:
    """Return the cases that only one side has numbers of."""
    groups = [_by_case(side) for side in (base, new)]
    return tuple(sorted(groups[0].keys() ^ groups[1].keys()))


def _by_case(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.outcome is Outcome.PASSED and entry.case is not None:
            groups.setdefault(entry.case.name, []).append(entry)
    return groups


def _names(group: Mapping[str, Sequence[Entry]]) -> str:
    return ", ".join(group) or "nothing that passed"


def _lines(base: Sequence[Entry], new: Sequence[Entry], demand: Demand) -> Iterator[Line]:
    _require_comparable([*base, *new], demand.allowed)
    case = base[0].case
    assert case is not None
    for kpi in base[0].kpis:
        wanted = kpi.primary or demand.all_kpis
        if not wanted or kpi.higher_is_better is None or isinstance(kpi.value, str):
            continue
        values = [_values(side, kpi.name) for side in (base, new)]
        if all(values):
            yield _line(case, kpi, values[0], values[1], demand)


def _values(entries: Sequence[Entry], name: str) -> list[float]:
    kpis = (kpi for entry in entries for kpi in entry.kpis if kpi.name == name)
    return [float(kpi.value) for kpi in kpis if not isinstance(kpi.value, str)]


def _require_comparable(entries: Sequence[Entry], allowed: frozenset[str]) -> None:
    found = [_identity(entry) for entry in entries]
    names = dict.fromkeys(name for identity in found for name in identity)
    for name in names:
        values = _distinct(identity.get(name) for identity in found)
        if len(values) > 1 and name not in allowed:
            raise UsageError(
                f"{entries[0].case.name if entries[0].case else 'runs'}: not comparable, {name} is "
                f"{' and '.join(values)}; --allow {name} compares them all the same"
            )


def _identity(entry: Entry) -> dict[str, Scalar | None]:
    assert entry.case is not None
    asked = {name: value for name, value in tunables(entry.case).items() if name not in _IRRELEVANT}
    return {**asked, **{name: entry.parameters.get(name) for name in _READ_BACK}}


def _distinct(values: Iterator[Scalar | None]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value is not None))


def _line(case: Case, kpi: Kpi, base: Sequence[float], new: Sequence[float], demand: Demand) -> Line:
    def line(verdict: Verdict, *, ratio: Ratio | None = None, p: float | None = None, note: str = "") -> Line:
        return Line(
            case=case, kpi=kpi, n_base=len(base), n_new=len(new), ratio=ratio, p=p, verdict=verdict, note=note
        )  # fmt: skip

    if min(*base, *new) <= 0:
        equal = set(base) == set(new)
        return line(Verdict.SAME if equal else Verdict.UNDECIDED, note="" if equal else "values of 0 have no ratio")
    ratio, p = ratio_of(base, new, demand.confidence), rank_test(base, new)
    if smallest_p(len(base), len(new)) >= 1 - demand.confidence:
        return line(Verdict.UNDECIDED, ratio=ratio, p=p, note=f"too few runs to tell: {_least_runs(demand)} of each")
    return line(_verdict(kpi, ratio, p, demand), ratio=ratio, p=p)


def _least_runs(demand: Demand) -> int:
    return next(runs for runs in itertools.count(2) if smallest_p(runs, runs) < 1 - demand.confidence)


def _verdict(kpi: Kpi, ratio: Ratio, p: float, demand: Demand) -> Verdict:
    is_apart = not ratio.low <= 1 <= ratio.high
    if p < 1 - demand.confidence and is_apart and abs(ratio.value - 1) >= demand.threshold:
        return Verdict.BETTER if (ratio.value > 1) == kpi.higher_is_better else Verdict.WORSE
    if abs(ratio.low - 1) <= demand.threshold and abs(ratio.high - 1) <= demand.threshold:
        return Verdict.SAME
    return Verdict.UNDECIDED


def text(lines: Sequence[Line], demand: Demand) -> str:
    """Return the lines as a table."""
    sure = f"{demand.confidence * PERCENT:g} %"
    rows = [("case", "KPI", "runs", "new / base", sure, "p", "verdict")]
    for line in lines:
        ratio = ("-", "-")
        if line.ratio is not None:
            ratio = (f"{line.ratio.value:.4f}", f"{line.ratio.low:.4f} .. {line.ratio.high:.4f}")
        name = f"{'*' if line.kpi.primary else ''}{line.kpi.name}"
        note = f" ({line.note})" if line.note else ""
        p = "-" if line.p is None else f"{line.p:.2g}"
        rows.append((line.case.name, name, f"{line.n_base} / {line.n_new}", *ratio, p, f"{line.verdict}{note}"))
    return "\n".join(aligned(rows, str.ljust)) + "\n"
