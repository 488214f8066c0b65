import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinbench.base.errors import UsageError
from pinbench.base.units import format_bytes, ns_to_ms, ns_to_s, parse_bytes, s_to_ns


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512M", 512 << 20),
        ("4GiB", 4 << 30),
        ("1.5 KB", 1500),
        ("7", 7),
        (" 2tib ", 2 << 40),
        ("9007199254740993", (1 << 53) + 1),
    ],
)
def test_a_size_is_read_in_binary_and_in_decimal_units(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1M", "4 XB", "1e3", "1e9", "0x10", "1,5 GiB", ".5M", "\u0663M"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UsageError, match="not a size"):
        parse_bytes(text)


def test_a_part_of_a_byte_is_no_size():
    with pytest.raises(UsageError, match=r"not a whole number of bytes: '1\.2345 KB'"):
        parse_bytes("1.2345 KB")


def test_a_size_is_written_with_the_largest_unit_that_it_fills():
    assert [format_bytes(size) for size in (0, 1023, 1024, 3 << 29, 5 << 40)] == [
        "0 B", "1023 B", "1.0 KiB", "1.5 GiB", "5.0 TiB",
    ]  # fmt: skip


@given(st.floats(min_value=0, max_value=1e6))
def test_seconds_survive_the_way_through_nanoseconds(seconds):
    assert ns_to_s(s_to_ns(seconds)) == pytest.approx(seconds, abs=1e-9)
    assert ns_to_ms(s_to_ns(seconds)) == pytest.approx(1000 * seconds, abs=1e-6)
