"""The points of a sweep side by side, as text."""

from pinbench.harness.report.listing import Listing
from pinbench.harness.report.sweep import render as _render

ENDING = ""


def render(listing: Listing) -> str:
    """Return a table for each case."""
    return _render(listing)
