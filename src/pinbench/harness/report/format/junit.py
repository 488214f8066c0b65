"""The listing as JUnit XML, which continuous integration shows: a suite for each case, a test for each iteration.

The elements and attributes are those that Jenkins and GitLab read: testsuites, testsuite, testcase, failure, error,
skipped, properties.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from pinbench.harness.kpi.text import format_kpi, format_value
from pinbench.harness.report.compare import Comparison, Verdict
from pinbench.harness.report.entries import Entry, Outcome
from pinbench.harness.report.listing import Listing

ENDING = ".xml"

_ELEMENTS = {Outcome.FAILED: "failure", Outcome.INCOMPLETE: "error", Outcome.SKIPPED: "skipped"}
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def render(listing: Listing) -> str:
    """Return the listing as XML."""
    root = ElementTree.Element("testsuites", name="pinbench")
    for name, entries in _by_name(listing.entries).items():
        _suite(root, name, entries, listing)
    if listing.comparison is not None:
        _comparison(root, listing.comparison)
    for attribute in ("tests", "failures", "errors", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in root)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _by_name(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    suites: dict[str, list[Entry]] = {}
    for entry in entries:
        name = "unknown case" if entry.case is None else f"test_{entry.case.display_name}"
        suites.setdefault(name, []).append(entry)
    return suites


def _suite(root: ElementTree.Element, name: str, entries: Sequence[Entry], listing: Listing) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=name)
    for entry in entries:
        seconds = 0.0 if entry.elapsed_s is None else entry.elapsed_s
        test = ElementTree.SubElement(
            suite, "testcase", classname=name, name=_clean(str(entry.path)), time=f"{seconds:.3f}"
        )
        if (element := _ELEMENTS.get(entry.outcome)) is not None:
            ElementTree.SubElement(test, element, message=_clean(entry.reason or str(entry.outcome)))
        _properties(test, entry, listing)
        ElementTree.SubElement(test, "system-out").text = _clean(
            "\n".join(format_kpi(kpi) for kpi in listing.kpis(entry))
        )
    _count(suite)
    if (started := min((entry.started_at for entry in entries if entry.started_at), default=None)) is not None:
        suite.set("timestamp", started)


def _properties(test: ElementTree.Element, entry: Entry, listing: Listing) -> None:
    facts = {**(entry.parameters if listing.parameters else {}), **(entry.system if listing.system else {})}
    if facts:
        properties = ElementTree.SubElement(test, "properties")
        for name, value in facts.items():
            ElementTree.SubElement(properties, "property", name=name, value=_clean(format_value(value)))


def _comparison(root: ElementTree.Element, comparison: Comparison) -> None:
    """Add a suite whose tests fail where a KPI became worse."""
    suite = ElementTree.SubElement(root, "testsuite", name="comparison")
    for line in comparison.lines:
        test = ElementTree.SubElement(suite, "testcase", classname=line.case, name=line.kpi.name, time="0")
        ratio = "" if line.ratio is None else f", new / base {line.ratio.value:.4f}"
        if line.verdict is Verdict.WORSE:
            ElementTree.SubElement(test, "failure", message=f"{line.word}{ratio}")
        ElementTree.SubElement(test, "system-out").text = f"{line.word}{ratio}"
    for name in comparison.failed:
        test = ElementTree.SubElement(suite, "testcase", classname=name, name="all runs", time="0")
        ElementTree.SubElement(test, "failure", message="all runs of NEW failed")
    _count(suite)


def _count(suite: ElementTree.Element) -> None:
    tests = list(suite)
    suite.set("tests", str(len(tests)))
    for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(test.find(element) is not None for test in tests)))
    suite.set("time", f"{sum(float(test.get('time', '0')) for test in tests):.3f}")


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
