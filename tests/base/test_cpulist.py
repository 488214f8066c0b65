import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinbench.base.cpulist import format_cpu_list, parse_cpu_list
from pinbench.base.errors import HostError


@given(st.sets(st.integers(0, 2000)))
def test_what_is_formatted_is_parsed_back(numbers: set[int]) -> None:
    assert parse_cpu_list(format_cpu_list(numbers)) == tuple(sorted(numbers))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ()), ("\n", ()), ("0", (0,)), ("0-3,8\n", (0, 1, 2, 3, 8)), ("0-7:2/4", (0, 1, 4, 5)), ("5,1", (1, 5))],
)
def test_a_kernel_list_becomes_ascending_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert parse_cpu_list(text) == expected


def test_runs_become_ranges() -> None:
    assert format_cpu_list([9, 0, 1, 2, 8, 4]) == "0-2,4,8-9"


@pytest.mark.parametrize("text", ["a", "3-1", "0-", "0-7:5/4", "0,,1", "-1"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(HostError, match="not a list of CPUs"):
        parse_cpu_list(text)
