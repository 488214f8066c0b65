import pytest
from criteo_rows import line

from pinbench.worker.data.criteo.tsv_fault import explain_row


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "the line is empty"),
        (b"\r", "the line is empty"),
        (b"1", "1 tab-separated field instead of 40"),
        (line() + b"\t1", "41 tab-separated fields instead of 40"),
        (line()[2:], "39 tab-separated fields instead of 40 (rows without a label cannot be used)"),
        (line(f0=""), "field 1 (label) is '', not 0 or 1"),
        (line(f0="2"), "field 1 (label) is '2', not 0 or 1"),
        (line(f0="01"), "field 1 (label) is '01', not 0 or 1"),
        (line(f1="1.5"), "field 2 (integer 1) is '1.5', not a whole number from -2147483647 to 2147483647"),
        (line(f13="-"), "field 14 (integer 13) is '-', not a whole number from -2147483647 to 2147483647"),
        (
            line(f2="2147483648"),
            "field 3 (integer 2) is '2147483648', not a whole number from -2147483647 to 2147483647",
        ),
        (line(f16="xyz"), "field 17 (category 3) is 'xyz', not a hexadecimal number of up to 8 digits"),
        (line(f39="123456789"), "field 40 (category 26) is '123456789', not a hexadecimal number of up to 8 digits"),
        (line(f20="\xff"), "field 21 (category 7) is '\xff', not a hexadecimal number of up to 8 digits"),
        (line(f20="\0" * 50), f"field 21 (category 7) is '{chr(92)}x00"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_its_value(bad, reason):
    assert explain_row(bad).startswith(reason)
    assert len(explain_row(bad)) < 250


def test_the_smallest_integer_is_refused_because_it_stands_for_a_missing_one():
    assert "is '-2147483648', not a whole number from -2147483647" in explain_row(line(f4="-2147483648"))


@pytest.mark.parametrize("good", [line(), line() + b"\r", line(f1="-0", f2="", f3="-2147483647", f14="", f15="aF")])
def test_nothing_is_wrong_with_a_row(good):
    assert explain_row(good) is None
