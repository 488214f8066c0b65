"""The listing as one JSON object: ``{"iterations": [...], "summaries": [...]}``; what is not known is absent."""

import json
from typing import Any

from pinbench.base.jsonio import to_jsonable
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.listing import STATISTICS, Listing
from pinbench.harness.report.summary import Summary


def render(listing: Listing) -> str:
    """Return the listing as JSON."""
    iterations = [_entry(listing, entry) for entry in listing.entries]
    summaries = [_summary(summary) for summary in listing.summaries()]
    return json.dumps({"iterations": iterations, "summaries": summaries}, indent=1) + "\n"


def _entry(listing: Listing, entry: Entry) -> dict[str, Any]:
    found = {
        "path": str(entry.path),
        "status": entry.outcome.value,
        "reason": entry.reason,
        "case": None if entry.case is None else f"test_{entry.case.display_name}",
        "host": entry.host,
        "parameters": to_jsonable(entry.parameters) if listing.parameters else None,
        "kpis": [_known(to_jsonable(kpi)) for kpi in listing.kpis(entry)],
    }
    return _known(found)


def _summary(summary: Summary) -> dict[str, Any]:
    return _known(
        {
            "case": f"test_{summary.case.display_name}",
            "host": summary.host,
            "kpi": None if summary.kpi is None else summary.kpi.name,
            "unit": None if summary.kpi is None else summary.kpi.unit,
            "n": summary.n,
            "failed": summary.failed,
            **{statistic: getattr(summary, statistic) for statistic in STATISTICS},
        }
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value != ""}
