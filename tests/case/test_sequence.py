import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.sequence import Axis, combinations, parse_axes


def values(text: str) -> str:
    (axis,) = parse_axes(f"B={text}", "--set", lambda name: False)
    return " ".join(axis.values)


# The table of what WSF's own ctest.sh makes of such texts, line by line, and what ours does.
@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("1000 1300 1600 ...2000", "1000 1300 1600 1900"),
        ("1000 1300 1600 ...2000 |200", "1000 1600"),
        ("1000 1200 1400 ...2000 8000|", "1000 1600 2000"),
        ("1000 2000 4000 ...10000", "1000 2000 4000 8000"),
        ("0.5 1.0 1.5 ...3", "0.5 1.0 1.5 2 2.5 3"),
    ],
)
def test_a_sequence_that_wsf_understands_means_the_same(text: str, made: str) -> None:
    assert values(text) == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8 6 4 ...2", "8 6 4 ...2 falls; only a rising sequence goes on"),  # WSF: 8 6 4
        ("64 32 16 ...4", "64 32 16 ...4 falls"),  # WSF: 64 32 16
        ("1 4 9 ...30", "1 4 9 ...30 has neither one difference (3, 5) nor one factor"),  # WSF: 1 4 9
        ("1 2 ...8", "...8 needs three numbers before it that show the step, got 2"),  # WSF: a value ...8
        ("2 2 2 ...8", "2 2 2 ...8 never gets anywhere, its step is 0"),  # WSF: goes on for ever
    ],
)
def test_a_sequence_that_wsf_trips_over_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        values(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"--set 'B={text}': B: ")


def test_a_slash_before_a_name_makes_every_combination_the_last_axis_fastest() -> None:
    axes = parse_axes("S=1000 1500 1700/B=1 2 4 8", "--set", lambda name: False)  # WSF: in the order of a hash
    assert axes == (Axis(name="S", values=("1000", "1500", "1700")), Axis(name="B", values=("1", "2", "4", "8")))
    made = combinations(axes)
    assert made[:5] == (
        ("S=1000", "B=1"), ("S=1000", "B=2"), ("S=1000", "B=4"), ("S=1000", "B=8"), ("S=1500", "B=1"),
    )  # fmt: skip
    assert len(made) == 12


def test_a_slash_inside_a_path_is_a_part_of_it() -> None:
    def whole(name: str) -> bool:
        return name == "P"

    assert parse_axes("P=/a/b=c", "--set", whole) == (Axis(name="P", values=("/a/b=c",)),)  # WSF: P=/a and b=c
    assert parse_axes("P=/a/B=c d |2", "--set", whole) == (Axis(name="P", values=("/a/B=c d |2",)),)
    assert [axis.name for axis in parse_axes("B=1 2/P=/x/S=1", "--set", whole)] == ["B", "P"]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("7", "7"),
        ("", ""),
        ("avx_fp32 avx_int8", "avx_fp32 avx_int8"),
        ("1 1 1", "1 1 1"),
        ("1 2 3 ...3", "1 2 3"),
        ("0 5 10 ...20", "0 5 10 15 20"),
        ("-4 -2 0 ...3", "-4 -2 0 2"),
        ("5 1 2 4 ...16", "5 1 2 4 8 16"),  # the last three say how it goes on
        ("0.1 0.2 0.3 ...0.7", "0.1 0.2 0.3 0.4 0.5 0.6 0.7"),  # in floats, three tenths are not three tenths
        ("1 1.5 2.25 ...4", "1 1.5 2.25 3.375"),
        ("1e1 1e2 1e3 ...1e4", "1e1 1e2 1e3 10000"),
        ("1 2 3 4 |2", "2 4"),
        ("0 1 2 3 6 6|", "1 2 3 6"),
    ],
)
def test_other_values(text: str, made: str) -> None:
    assert values(text) == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3 ...x", "'x' is no number"),
        ("1 2 3 ...", "'' is no number"),
        ("a b c ...9", "'a' is no number"),
        ("1 2 3...9", "'3...9' must be ...STOP, by itself"),
        ("1 2 3 ...9 12", "'...9' must be ...STOP"),
        ("1 2 3 ...2", "3 lies beyond ...2 already"),
        ("1 2 3 ...99999999", "makes more than 10000 values"),
        ("1 3 2 ...9", "has neither one difference (2, -1) nor one factor"),
        ("1 2 3 ...9 |0", "a filter by 0 keeps nothing"),
        ("1 3 5 |2", "the filter leaves none of 1 3 5"),
        ("|2", "'' is no number"),
        ("avx_fp32 |2", "'avx_fp32' is no number"),
        ("2 4|2", "is no filter; one stands last and by itself"),
        ("2 |2 |4", "is no filter"),
        ("a|b", "is no filter"),
        ("2 | 4 6", "is no filter"),
    ],
)
def test_what_could_not_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        values(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("B", "is not NAME=VALUE"),
        ("=1", "is not NAME=VALUE"),
        ("1 2=3", "is not NAME=VALUE"),
        ("B=1/S=2/B=3", "names B twice"),
    ],
)
def test_a_text_without_names_or_with_one_twice_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_axes(text, "--set", lambda name: False)


def test_an_axis_may_speak_to_one_workload() -> None:
    axes = parse_axes("dummy__STEPS=1 2/DLRM-PyTorch__BATCH_SIZE=4", "--set", lambda name: False)
    assert [axis.name for axis in axes] == ["dummy__STEPS", "DLRM-PyTorch__BATCH_SIZE"]
