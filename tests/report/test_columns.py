import pytest

from pinbench.harness.report.columns import aligned

ROWS = [("a", "long"), ("wide", "b")]


@pytest.mark.parametrize(
    ("justify", "lines"), [(str.ljust, ["a     long", "wide  b"]), (str.rjust, ["   a  long", "wide     b"])]
)
def test_columns_are_as_wide_as_their_widest_cell(justify, lines):
    assert aligned(ROWS, justify) == lines
