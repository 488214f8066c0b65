"""The page in a real browser: nothing is asked for, nothing is wrong, and what the script promises works."""

import re
from dataclasses import replace

import pytest
from browser import CHROMIUM, Browser
from listings import make_listing

from pinbench.harness.report.format import html

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium in PATH (Debian: apt-get install chromium)")

_ROWS = "[...document.querySelectorAll('#runs tbody tr:not([hidden])')].map((row) => row.cells[{column}].textContent)"


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listing = make_listing()
    hostile = replace(listing.entries[6], reason="<img src=http://192.0.2.1/x.png onerror=alert(1)>")
    path = tmp_path / "report.html"
    path.write_text(html.render(replace(listing, entries=[*listing.entries[:6], hostile], primary_only=False)))
    return path


def test_the_page_opens_without_a_request_or_a_problem_and_its_tools_work(page, tmp_path):
    with Browser() as browser:
        browser.ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.open(page)

        # Sorting, by keyboard: numbers by their size, empty cells last, and said to those who do not see it.
        head = "document.querySelector('#runs th:nth-child(7)')"
        browser.value(f"{head}.querySelector('button').focus()")
        for _ in range(2):
            for kind in ("keyDown", "keyUp"):
                browser.ask(
                    "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13
                )
        assert browser.value(f"{head}.getAttribute('aria-sort')") == "descending"
        values = browser.value(_ROWS.format(column=6))
        assert values == [*sorted(values[:-1], key=float, reverse=True), ""]
        assert len(values) == 7

        # The filter: all words, and how many rows are left.
        browser.value(
            "(() => { const field = document.querySelector('[data-table=runs] input');"
            " field.value = 'FAILED itr-7'; field.dispatchEvent(new Event('input')); })()"
        )
        assert browser.value(_ROWS.format(column=2)) == ["failed"]
        assert browser.value("document.querySelector('[data-table=runs] [role=status]').textContent") == "1 of 7 rows"

        # Colours as the system has them, and as they are chosen.
        paper = "getComputedStyle(document.body).backgroundColor"
        browser.prefer(prefers_color_scheme="dark")
        assert browser.value(paper) == "rgb(20, 24, 29)"
        browser.value(
            "(() => { const choice = document.querySelector('#theme select'); choice.value = 'light';"
            " choice.dispatchEvent(new Event('change')); })()"
        )
        assert browser.value(paper) == "rgb(255, 255, 255)"

        # A phone: only tables may be wider than the window, each in its frame.
        browser.size(390, 844)
        assert browser.value("document.documentElement.scrollWidth") == 390
        heights = "[...document.querySelectorAll('.chart text')].map((text) => text.getBoundingClientRect().height)"
        assert min(browser.value(heights)) > 10, "small print"

        _save(browser, "latency-run-1", tmp_path)
        assert browser.problems == []
        assert [request for request in browser.requests if not request.startswith("blob:")] == [page.as_uri()]


def _save(browser, chart, folder):
    """Save a plot as a slide has it: it must look the same without the style sheet of the page."""
    browser.value(f"document.querySelectorAll('[data-chart={chart}] button').forEach((button) => button.click())")
    svg, png = folder / f"{chart}.svg", folder / f"{chart}.png"
    for _ in range(100):
        if svg.is_file() and png.is_file():
            break
        browser.value("new Promise((done) => setTimeout(done, 100))")
    text = svg.read_text(encoding="utf-8")
    assert "var(" not in text
    assert re.search(r'fill="rgb\(0, 114, 178\)"', text), "the colour of the first series, light"
    assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png.read_bytes()[16:20], "big") == 3 * 560


def test_the_page_is_whole_without_its_script(page):
    with Browser() as browser:
        browser.ask("Emulation.setScriptExecutionDisabled", value=True)
        browser.open(page)
        tree = browser.ask("DOM.getDocument", depth=-1)["root"]["nodeId"]
        assert len(browser.ask("DOM.querySelectorAll", nodeId=tree, selector="#runs tbody tr")["nodeIds"]) == 7
        assert browser.ask("DOM.querySelectorAll", nodeId=tree, selector="th button")["nodeIds"] == []
        assert browser.problems == []
