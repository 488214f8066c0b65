import re

import pytest
from documents import ROOT, documents, prose

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub forms them: lower case, no punctuation, dashes for blanks."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in _HEADING.findall(text)}


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document):
    for link in _LINK.findall(prose(document)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), f"{link}: there is no {path}"
        if anchor:
            assert anchor in anchors(prose(path)), f"{link}: {path.name} has no heading of that name"


def test_every_document_below_doc_is_reached_from_its_index():
    linked = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in ROOT.glob("doc/**/README.md")
        for link in _LINK.findall(prose(index))
    }
    unlinked = [path for path in ROOT.glob("doc/*/*.md") if path.name[0] != "+" and path not in linked]
    assert [path for path in unlinked if path != ROOT / "doc/changelog.d/README.md"] == []


def test_changelog_fragments_have_a_known_kind_and_say_something():
    kinds = {"added", "changed", "deprecated", "removed", "fixed", "security"}
    fragments = [path for path in ROOT.glob("doc/changelog.d/*") if path.name != "README.md"]
    for path in fragments:
        assert re.fullmatch(rf"\+[a-z0-9-]+\.({'|'.join(sorted(kinds))})\.md", path.name), path.name
        assert path.read_text(encoding="utf-8").strip().endswith("."), path.name
    assert fragments
