import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.sequence import parse_axes
from pinbench.harness.cli._ctest_turns import Turn, make_rounds


def rounds(*texts: str, loops: int | None = None, burst: int | None = None) -> list[list[str]]:
    made = make_rounds([parse_axes(text, "--set", lambda name: False) for text in texts], loops, burst)
    return [[turn.title for turn in turns] for turns in made]


def test_one_value_is_one_run_without_a_label() -> None:
    assert make_rounds([], None, None) == ((Turn(label=""),),)
    assert rounds("B=4", "S=2") == [["B=4 S=2"]]


def test_each_loop_takes_the_next_value() -> None:
    assert rounds("B=1 2 4 ...8", loops=4) == [["l1 B=1"], ["l2 B=2"], ["l3 B=4"], ["l4 B=8"]]


def test_several_sets_advance_together_and_start_anew_each_by_itself() -> None:
    assert rounds("B=1 2 3", "S=10 20", loops=4) == [["l1 B=1 S=10"], ["l2 B=2 S=20"], ["l3 B=3 S=10"], ["l4 B=1 S=20"]]


def test_of_one_set_with_two_axes_every_combination_comes_the_last_axis_fastest() -> None:
    assert rounds("B=1 2/S=3 4", loops=4) == [["l1 B=1 S=3"], ["l2 B=1 S=4"], ["l3 B=2 S=3"], ["l4 B=2 S=4"]]


def test_the_members_of_a_burst_take_the_next_values_too() -> None:
    assert rounds("B=1 2 3 4", loops=2, burst=2) == [["l1b1 B=1", "l1b2 B=2"], ["l2b1 B=3", "l2b2 B=4"]]


def test_each_member_of_a_burst_has_its_share_of_the_cores() -> None:
    ((first, second),) = make_rounds([], None, 2)
    assert (first.share, second.share) == ((1, 2), (2, 2))
    assert make_rounds([], 2, 1)[0][0].share is None


@pytest.mark.parametrize(
    ("texts", "loops", "burst", "message"),
    [
        (["B=1 2 3"], None, None, r"--set B=\.\.\. has 3 values for 1 run of.*--loop 3 takes all, or --sweep"),
        (["B=1 2 3"], 2, None, "3 values for 2 runs"),
        (["B=1 2 3 4 5"], None, 2, "--loop 3 takes all"),
        (["S=1", "B=1 2/C=1 2"], 3, None, r"B/C=\.\.\. has 4 combinations of values for 3 runs"),
    ],
)
def test_values_that_no_run_would_take_are_refused(texts, loops, burst, message) -> None:
    with pytest.raises(UsageError, match=message):
        rounds(*texts, loops=loops, burst=burst)
