"""Elements of HTML and SVG, whose texts and attributes are escaped here and nowhere else."""

import re
from html import escape

# What neither HTML nor UTF-8 can hold: control characters, and halves of characters from undecodable file names.
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
_EMPTY = {"meta", "circle", "line", "path", "polyline", "rect", "input", "wbr"}  # have no children and need no end
# End a line, for those who read or compare the source.
_LINES = {"caption", "figcaption", "g", "head", "header", "li", "line", "meta", "polyline", "section", "tr", "thead"}

Attribute = str | int | float | bool | None


class Markup(str):
    """A text that is markup already, made by this module."""

    __slots__ = ()


def element(name: str, /, *children: str | None, **attributes: Attribute) -> Markup:
    """Return an element; children that are no `Markup` are texts, None and False say nothing.

    Args:
        name: of the element.
        children: in order.
        attributes: ``class_`` is ``class``, other underscores are hyphens.
    """
    inside = join(*children)
    end = "\n" if name in _LINES else ""
    start = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}"
    if name in _EMPTY:
        return Markup(f"{start}/>{end}")
    return Markup(f"{start}>{inside}</{name}>{end}")


def join(*children: str | None) -> Markup:
    """Return `children` behind each other."""
    return Markup("".join(child if isinstance(child, Markup) else text(child) for child in children if child))


def text(value: str) -> Markup:
    """Return `value` as it is to be read, whatever it holds."""
    return Markup(escape(_NOT_TEXT.sub("\ufffd", value)))


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    shown = "" if value is True else f"{value:.6g}" if isinstance(value, float) else str(value)
    return f' {name.rstrip("_").replace("_", "-")}="{text(shown)}"'
