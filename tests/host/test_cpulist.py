import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinbench.base.errors import HostError
from pinbench.harness.host.cpulist import format_cpu_list, parse_cpu_list


@given(st.sets(st.integers(min_value=0, max_value=4096), max_size=64))
def test_what_is_formatted_parses_back(cpus):
    assert parse_cpu_list(format_cpu_list(cpus)) == tuple(sorted(cpus))


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("", ()),
        ("\n", ()),
        ("0", (0,)),
        ("0-3,8\n", (0, 1, 2, 3, 8)),
        ("0-2,7,12-14", (0, 1, 2, 7, 12, 13, 14)),  # cpuset(7)
        ("8,0-1", (0, 1, 8)),
        ("0-1,1-2", (0, 1, 2)),
        ("100-160:2/25", (100, 101, 125, 126, 150, 151)),  # kernel-parameters
        ("0-1023:2/256", (0, 1, 256, 257, 512, 513, 768, 769)),  # lib/bitmap.c
        ("5-5", (5,)),
    ],
)
def test_the_forms_of_the_kernel_are_understood(text, cpus):
    assert parse_cpu_list(text) == cpus


def test_runs_are_joined_whatever_their_order():
    assert format_cpu_list([9, 3, 2, 1, 3]) == "1-3,9"
    assert format_cpu_list([]) == ""


@pytest.mark.parametrize("text", ["3-1", "a", "1,,2", "-1", "0-3:0/4", "0-3:5/4", "1.5", "0-", "0 1"])
def test_another_form_is_refused_with_the_text(text):
    with pytest.raises(HostError, match=r"not a list of CPUs: .*write it as 0-3,8"):
        parse_cpu_list(text)
