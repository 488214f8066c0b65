"""What a report shows of its entries, whatever its format."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pinbench.contract.kpi import Kpi
from pinbench.harness.report.compare import Comparison
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.summary import Figures, Summary, summarise

# The fields of Sample, first those that WSF lists.
STATISTICS = ("avg", "std", "med", "geo", "cv", "low95", "high95", "min", "max")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Entries, and which of their lines are wanted."""

    entries: Sequence[Entry]
    primary_only: bool = False
    parameters: bool = False
    system: bool = False
    comparison: Comparison | None = None

    def kpis(self, entry: Entry) -> tuple[Kpi, ...]:
        """Return the KPIs of `entry` that are wanted."""
        return tuple(kpi for kpi in entry.kpis if kpi.primary or not self.primary_only)

    def figures(self, summary: Summary) -> tuple[Figures, ...]:
        """Return the statistics of `summary` that are wanted, those of the key KPI first."""
        key = () if summary.key is None else (summary.key,)
        return key if self.primary_only else (*key, *summary.others)

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """The summary of each case."""
        return summarise(self.entries)


def statistic_unit(figures: Figures, statistic: str) -> str:
    """Return the unit of one of `STATISTICS`."""
    return "%" if statistic == "cv" else figures.kpi.unit
