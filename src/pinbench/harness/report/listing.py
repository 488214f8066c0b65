"""What a report shows of its entries, whatever its format."""

from collections.abc import Sequence
from dataclasses import dataclass

from pinbench.contract.kpi import Kpi
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.summary import Summary, summarise

STATISTICS = ("avg", "std", "med", "geo", "min", "max")  # the fields of Summary, first those that WSF lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Entries, and which of their lines are wanted."""

    entries: Sequence[Entry]
    primary_only: bool = False
    parameters: bool = False

    def kpis(self, entry: Entry) -> tuple[Kpi, ...]:
        """Return the KPIs of `entry` that are wanted."""
        return tuple(kpi for kpi in entry.kpis if kpi.primary or not self.primary_only)

    def summaries(self) -> tuple[Summary, ...]:
        """Return the summary of each case."""
        return summarise(self.entries)
