"""A comparison for a terminal."""

from pinbench.base.units import PERCENT
from pinbench.harness.report.columns import aligned
from pinbench.harness.report.compare import Comparison, Line
from pinbench.harness.report.tables import kpi_name

_ABSENT = "-"


def text(comparison: Comparison) -> str:
    """Return the lines as a table, and what else there is to say below it."""
    demand = comparison.demand
    sure, least = f"{demand.confidence * PERCENT:g} %", f"{demand.threshold * PERCENT:g} %"
    rows = [("case", "KPI", "runs", "new / base", sure, "p", "verdict"), *map(_row, comparison.lines)]
    said = aligned(rows, str.ljust) if comparison.lines else []
    said += [f"# {name}: failed in NEW, all of its runs" for name in comparison.failed]
    said.append(f"# a difference counts from {least} on, where test and interval show it with {sure} confidence")
    if len(comparison.lines) > 1:
        expected = len(comparison.lines) * (1 - demand.confidence)
        said.append(f"# of {len(comparison.lines)} equal ones up to {expected:.1g} would differ by chance")
    return "\n".join([*said, *(f"# {note}" for note in comparison.notes)]) + "\n"


def _row(line: Line) -> tuple[str, ...]:
    ratio = (_ABSENT, _ABSENT)
    if line.ratio is not None:
        ratio = (f"{line.ratio.value:.4f}", f"{line.ratio.low:.4f} .. {line.ratio.high:.4f}")
    runs = f"{line.n_base} pairs" if line.is_paired else f"{line.n_base} / {line.n_new}"
    note = f" ({line.note})" if line.note else ""
    p = _ABSENT if line.p is None else f"{line.p:.2g}"
    return (line.case, kpi_name(line.kpi), runs, *ratio, p, f"{line.word}{note}")
