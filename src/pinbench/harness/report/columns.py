"""Rows of text under each other, each column as wide as its widest cell."""

from collections.abc import Callable, Sequence


def aligned(rows: Sequence[Sequence[str]], justify: Callable[[str, int], str]) -> list[str]:
    """Return a line for each of `rows`; `justify` is `str.ljust` or `str.rjust`."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(justify(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
