from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinbench.base.errors import UsageError
from pinbench.harness.case.parameter import Default, Kind, Parameter, parse_value
from pinbench.harness.case.rule import value_text

HERE = Path("/home/user")


def parsed(parameter, raw):
    return parse_value(parameter, raw, "--set", HERE)


def of(kind, **more):
    return Parameter(name="P", kind=kind, help="", **more)


@pytest.mark.parametrize(
    ("parameter", "raw", "value"),
    [
        (of(Kind.INT), "12", 12),
        (of(Kind.INT), " +7 ", 7),
        (of(Kind.INT), 16, 16),
        (of(Kind.FLOAT), "0.5", 0.5),
        (of(Kind.FLOAT), "2e3", 2000.0),
        (of(Kind.FLOAT), 3, 3.0),
        (of(Kind.BOOL), "True", True),
        (of(Kind.BOOL), "false", False),
        (of(Kind.BOOL), False, False),
        (of(Kind.CHOICE, choices=("", "gated")), "", ""),
        (of(Kind.PATH), "data/set", "/home/user/data/set"),
        (of(Kind.PATH), "/data", "/data"),
        (of(Kind.SIZES), "13-512-256-128", "13-512-256-128"),
        (of(Kind.SIZES), 64, "64"),
        (of(Kind.INT, absent="computed"), "", None),
        (of(Kind.INT, absent="computed"), None, None),
    ],
)
def test_a_legal_value_gets_its_type(parameter, raw, value):
    result = parsed(parameter, raw)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("parameter", "raw", "message"),
    [
        (of(Kind.INT, minimum=1), "0", "P must be a whole number of at least 1, got '0' (--set)"),
        (of(Kind.INT), "abc", "P must be a whole number, got 'abc' (--set)"),
        (of(Kind.INT), "$(touch x)", "P must be a whole number, got '$(touch x)' (--set)"),
        (of(Kind.INT), "1 2 4", "P must be a whole number, got '1 2 4' (--set)"),
        (of(Kind.INT), "1_000", "P must be a whole number, got '1_000' (--set)"),
        (of(Kind.INT), "٣", "P must be a whole number, got '٣' (--set)"),
        (of(Kind.INT), 1.5, "P must be a whole number, got 1.5 (--set)"),
        (of(Kind.INT), True, "P must be a whole number, got True (--set)"),
        (of(Kind.INT), "", "P must be a whole number, got '' (--set)"),
        (of(Kind.INT), None, "P must be a whole number, got nothing (--set)"),
        (of(Kind.INT), [1, 2], "P must be a whole number, got [1, 2] (--set)"),
        (of(Kind.INT, minimum=0, maximum=2), "3", "P must be a whole number from 0 to 2, got '3' (--set)"),
        (of(Kind.FLOAT), "nan", "P must be a number, got 'nan' (--set)"),
        (of(Kind.FLOAT), "inf", "P must be a number, got 'inf' (--set)"),
        (of(Kind.FLOAT, maximum=9), "1e400", "P must be a number of at most 9, got '1e400' (--set)"),
        (of(Kind.FLOAT), "28800,600", "P must be a number, got '28800,600' (--set)"),
        (of(Kind.BOOL), "yes", "P must be True or False, got 'yes' (--set)"),
        (of(Kind.BOOL), 1, "P must be True or False, got 1 (--set)"),
        (of(Kind.CHOICE, choices=("", "gated")), "gate", "P must be one of (empty), gated, got 'gate' (--set)"),
        (of(Kind.SIZES), "13-0-1", "P must be positive whole numbers joined by '-', got '13-0-1' (--set)"),
        (of(Kind.SIZES), "13--1", "P must be positive whole numbers joined by '-', got '13--1' (--set)"),
        (of(Kind.PATH), "a\0b", "P must be a path, got 'a\\x00b' (--set)"),
    ],
)
def test_an_illegal_value_is_refused_with_what_is_legal_and_where_it_was_written(parameter, raw, message):
    with pytest.raises(UsageError) as error:
        parsed(parameter, raw)
    assert str(error.value) == message


def test_the_first_default_that_fits_the_case_wins():
    parameter = of(
        Kind.INT,
        default=1,
        defaults=(
            Default(when={"FUNCTION": ("training",)}, value=1024),
            Default(when={"MODE": ("accuracy",)}, value=100),
        ),
    )
    assert parameter.default_for({"FUNCTION": "training", "MODE": "accuracy"}) == 1024
    assert parameter.default_for({"FUNCTION": "inference", "MODE": "accuracy"}) == 100
    assert parameter.default_for({"FUNCTION": "inference", "MODE": "latency"}) == 1


@given(st.integers(min_value=-(10**17), max_value=10**17))
def test_a_whole_number_survives_being_written_and_read(value):
    assert parsed(of(Kind.INT), value_text(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_being_written_and_read(value):
    assert parsed(of(Kind.FLOAT), value_text(value)) == value


@given(st.text())
def test_any_text_is_either_a_value_or_a_one_line_error(raw):
    for kind in (Kind.INT, Kind.FLOAT, Kind.BOOL, Kind.SIZES):
        try:
            parsed(of(kind), raw)
        except UsageError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017 -- most texts are wrong, some are right


def test_an_alias_stands_for_a_choice_and_both_may_be_written_in_any_case():
    engine = of(Kind.CHOICE, choices=("eager", "openvino"), aliases={"COMPILE-OPENVINO": "openvino"})
    assert [parsed(engine, word) for word in ("openvino", "OpenVINO", "compile-openvino")] == ["openvino"] * 3
    with pytest.raises(UsageError, match="P must be one of eager, openvino, got 'compile'"):
        parsed(engine, "compile")


def test_without_aliases_a_choice_is_written_as_it_is():
    with pytest.raises(UsageError, match="got 'Eager'"):
        parsed(of(Kind.CHOICE, choices=("eager",)), "Eager")
