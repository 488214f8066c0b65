"""The listing as one JSON object; what is not known is absent.

Its keys: iterations, summaries, and with ``--compare`` comparison.
"""

import json
from typing import Any

from pinbench.base.jsonio import to_jsonable
from pinbench.harness.report.compare import Comparison, Line
from pinbench.harness.report.entries import Entry
from pinbench.harness.report.listing import STATISTICS, Listing
from pinbench.harness.report.summary import Figures, Summary

ENDING = ".json"


def render(listing: Listing) -> str:
    """Return the listing as JSON."""
    whole: dict[str, Any] = {
        "iterations": [_entry(listing, entry) for entry in listing.entries],
        "summaries": [_summary(listing, summary) for summary in listing.summaries],
    }
    if listing.comparison is not None:
        whole["comparison"] = compared(listing.comparison)
    return json.dumps(whole, indent=1) + "\n"


def compared(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as what `json` can write."""
    return {
        "threshold": comparison.demand.threshold,
        "confidence": comparison.demand.confidence,
        "lines": [_line(line) for line in comparison.lines],
        "failed": list(comparison.failed),
        "notes": list(comparison.notes),
    }


def _line(line: Line) -> dict[str, Any]:
    return _known(
        {
            "case": line.case,
            "kpi": line.kpi.name,
            "unit": line.kpi.unit,
            "n_base": line.n_base,
            "n_new": line.n_new,
            "paired": line.is_paired,
            "ratio": None if line.ratio is None else to_jsonable(line.ratio),
            "p": line.p,
            "verdict": line.verdict.value,
            "note": line.note,
        }
    )


def _entry(listing: Listing, entry: Entry) -> dict[str, Any]:
    found = {
        "path": str(entry.path),
        "status": entry.outcome.value,
        "reason": entry.reason,
        "case": None if entry.case is None else f"test_{entry.case.display_name}",
        "host": entry.host,
        "started_at": entry.started_at,
        "elapsed_s": entry.elapsed_s,
        "parameters": to_jsonable(entry.parameters) if listing.parameters else None,
        "system": to_jsonable(entry.system) if listing.system else None,
        "kpis": [_known(to_jsonable(kpi)) for kpi in listing.kpis(entry)],
    }
    return _known(found)


def _summary(listing: Listing, summary: Summary) -> dict[str, Any]:
    key = {} if summary.key is None else _figures(summary.key)
    others = [] if listing.primary_only else [_figures(figures) for figures in summary.others]
    start = {"case": f"test_{summary.case.display_name}", "host": summary.host}
    return _known({**start, "n": summary.n, "failed": summary.failed, **key, "others": others or None})


def _figures(figures: Figures) -> dict[str, Any]:
    return _known(
        {
            "kpi": figures.kpi.name,
            "unit": figures.kpi.unit,
            "n": figures.sample.n,
            **{statistic: getattr(figures.sample, statistic) for statistic in STATISTICS},
            "outliers": [str(path) for path in figures.outliers] or None,
        }
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value != ""}
