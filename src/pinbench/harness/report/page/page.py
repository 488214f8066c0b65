"""The page: its sections in order, of which those are left out that nothing was measured for."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from pinbench.harness.report.listing import Listing
from pinbench.harness.report.page import (
    comparison,
    distribution,
    facts,
    roofline,
    scaling,
    timeline,
    tradeoff,
)
from pinbench.harness.report.page.detail import details
from pinbench.harness.report.page.markup import Markup, element, join
from pinbench.harness.report.page.points import points_of

_TITLE = "Benchmark report"


def page(listing: Listing) -> str:
    """Return the whole page, which asks for nothing and works without its script."""
    found = [(name, title, body) for name, title, body in _sections(listing) if body]
    links = (element("li", element("a", title, href=f"#{name}")) for name, title, _ in found)
    head = element(
        "header",
        element("h1", _TITLE),
        element("p", facts.counts(listing), class_="lead"),
        element("p", id="theme", hidden=True),
        element("nav", element("ul", *links), aria_label="Sections"),
    )
    body = (
        element(
            "section", element("h2", title, id=f"{name}-heading"), content, id=name, aria_labelledby=f"{name}-heading"
        )
        for name, title, content in found
    )
    whole = element("html", _head(), element("body", head, element("main", *body), _script()), lang="en")
    return f"<!DOCTYPE html>\n{whole}\n"


def _sections(listing: Listing) -> Sequence[tuple[str, str, Markup | None]]:
    points = points_of(listing)
    runs, notes = details(points)
    left_out = element("p", f"Not shown: {'; '.join(notes)}.", class_="note") if notes and runs else None
    return (
        ("sec-results", "Results", facts.results(points) if points else None),
        ("sec-tradeoff", tradeoff.TITLE, tradeoff.section(points)),
        ("sec-scaling", scaling.TITLE, scaling.section(points)),
        ("sec-latency", distribution.TITLE, distribution.section(runs)),
        ("sec-timeline", timeline.TITLE, join(timeline.section(runs), left_out)),
        ("sec-roof", roofline.TITLE, roofline.section(points)),
        ("sec-comparison", comparison.TITLE, comparison.section(listing.comparison)),
        ("sec-runs", "Runs", facts.runs(listing) if listing.entries else None),
        ("sec-rest", "All figures", facts.rest(listing)),
        ("sec-hosts", "Hosts", facts.hosts(listing)),
        ("sec-commands", "Commands to repeat", facts.commands(points)),
    )


def _head() -> Markup:
    # Only what stands here may run or paint: a text that got past the escaping could do neither, nor call out.
    policy = (
        f"default-src 'none'; style-src '{_digest('page.css')}'; script-src '{_digest('page.js')}'; "
        "img-src blob:; base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", _TITLE),
        element("style", Markup(_source("page.css"))),
    )


def _script() -> Markup:
    return element("script", Markup(_source("page.js")))


@cache
def _source(name: str) -> str:
    return (files(__package__) / "source" / name).read_text(encoding="utf-8")


def _digest(name: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(_source(name).encode()).digest()).decode()}"
