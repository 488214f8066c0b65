import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.cli._ctest_until import Until, parse_until


def test_a_measure_alone_has_3_to_20_runs() -> None:
    assert parse_until("cv=2%") == Until(measure="cv", share=0.02, least=3, most=20)
    assert parse_until("ci=.5%, max=8,min=5") == Until(measure="ci", share=0.005, least=5, most=8)
    assert parse_until("cv=2%,max=2").least == 2


def test_it_is_met_when_the_runs_are_enough_and_near_enough() -> None:
    until = parse_until("cv=2%,min=3")
    assert not until.is_met([])
    assert not until.is_met([100, 100])  # two that happen to agree
    assert until.is_met([100, 101, 99])  # 1 %
    assert not until.is_met([100, 103, 97])  # 3 %


def test_the_interval_needs_more_runs_than_the_variation() -> None:
    values = [100.0, 101.0, 99.0]
    assert parse_until("cv=2%").is_met(values)
    assert not parse_until("ci=2%").is_met(values)  # 2.48 %
    assert parse_until("ci=2%").is_met([*values, 100.0])


def test_the_line_says_what_was_reached() -> None:
    until = parse_until("cv=2%")
    assert until.line("test_a", [100, 101, 99]) == "# test_a: cv 1.00% of 3 runs, enough"
    assert until.line("test_a", [100]) == "# test_a: cv not known of 1 runs, not within 2%"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected cv=P%"),
        ("max=20", "needs one of cv=P% and ci=P%"),
        ("cv=2%,ci=2%", "needs one of"),
        ("cv=2", "a percentage above 0 such as 2%, got '2'"),
        ("cv=0%", "above 0"),
        ("cv=x%", "got 'x%'"),
        ("cv=2%,max=1", "2 <= min <= max"),
        ("cv=2%,min=5,max=4", "got min=5 and max=4"),
        ("cv=2%,max=many", "max must be a number of runs, got 'many'"),
        ("cv=2%,runs=4", "got 'runs=4'"),
        ("cv=2%,cv=3%", "each once; got 'cv=3%'"),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_until(text)
    assert message in str(caught.value)
