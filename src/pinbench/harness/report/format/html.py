"""The listing as one HTML page to look at: tables and plots, in light and dark, on a phone and in print."""

from pinbench.harness.report.listing import Listing
from pinbench.harness.report.page.page import page

ENDING = ".html"


def render(listing: Listing) -> str:
    """Return the whole page."""
    return page(listing)
