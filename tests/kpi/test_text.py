from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import DATA, recorded_runs

from pinbench.base.errors import KpiError
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import Status
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.kpi.text import Block, format_block, format_kpi, format_value, parse_block, parse_kpi, parse_value
from pinbench.harness.record.schema import read_record

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
VALUES = NUMBERS | st.text() | st.sampled_from(["12", "1.50", "True", "-", "", " x", "a # b", '"', "#"])
WORDS = st.text(alphabet="ABCxyz0123456789.-/%", min_size=1, max_size=9)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
KPIS = st.builds(
    Kpi, name=NAMES, value=VALUES, unit=WORDS | st.just(""), primary=st.booleans(), note=NAMES | st.just("")
)
FIELDS = st.dictionaries(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), VALUES | st.booleans(), max_size=3)


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a loaded host is no failure


@UNHURRIED
@given(KPIS)
def test_a_kpi_line_reads_back_as_it_was_written(kpi):
    line = format_kpi(kpi)
    assert "\n" not in line
    assert parse_kpi(line) == kpi


@UNHURRIED
@given(
    st.builds(
        Block,
        workload=FIELDS,
        application=FIELDS,
        kpis=st.lists(KPIS.map(lambda kpi: replace(kpi, primary=False)), max_size=4).map(tuple),
        status=st.sampled_from(Status),
        reason=st.none() | st.text(),
    )
)
def test_a_block_reads_back_as_it_was_written(block):
    assert parse_block(format_block(block)) == block


@UNHURRIED
@given(NUMBERS)
def test_no_number_is_written_with_an_exponent(number):
    assert "e" not in format_value(number).lower()


@UNHURRIED
@given(VALUES | st.booleans())
def test_a_value_keeps_its_type(value):
    assert type(parse_value(format_value(value))) is type(value)


@pytest.mark.parametrize(
    ("kpi", "line"),
    [
        (Kpi(name="Throughput", value=113186.18, unit="s/s", primary=True), "*Throughput (s/s): 113186.18"),
        (Kpi(name="Throughput", value=1.25e6, unit="samples/sec"), "Throughput (samples/sec): 1250000.00"),
        (Kpi(name="P99.9 Latency", value=0.5, unit="ms", note="n=4000"), "P99.9 Latency (ms): 0.50 # n=4000"),
        (Kpi(name="Samples", value=4000), "Samples: 4000"),
        (Kpi(name="Model Quality Metric Name", value="AUC"), "Model Quality Metric Name: AUC"),
    ],
)  # fmt: skip
def test_lines_look_as_users_of_such_suites_know_them(kpi, line):
    assert format_kpi(kpi) == line


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_written(value):
    with pytest.raises(KpiError, match="not a number"):
        format_kpi(Kpi(name="x", value=value))


@pytest.mark.parametrize("line", ["", "no colon", "#comment: 1", "# status: maybe", ": 1", "**x: 1"])
def test_a_line_of_another_form_is_refused(line):
    with pytest.raises(KpiError, match="not a KPI line"):
        parse_kpi(line)


def test_the_primary_kpi_reads_back_from_its_own_section():
    _, block = conclude(recorded_runs()["good"])
    without_direction = tuple(replace(kpi, higher_is_better=None) for kpi in block.kpis)
    assert parse_block(format_block(block)) == replace(block, kpis=without_direction)


@pytest.mark.parametrize("name", ["good", "latency", "instance_dead", "no_overlap", "wrong_isa"])
def test_a_recorded_run_prints_its_golden_block(name):
    _, block = conclude(read_record(DATA / "records" / "v1" / f"{name}.json"))
    assert format_block(block) == (DATA / "kpi" / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.25e+06", 1_250_000.0), ("1e-07", 1e-07), ("-2.5E+3", -2500.0), ("27e2990", "27e2990"), ("1e+999", "1e+999")],
)
def test_an_exponent_is_read_where_it_has_a_sign_and_a_value(text, value):
    assert parse_value(text) == value
    assert parse_value(format_value(value)) == value


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-inf", "-"])
def test_what_is_no_number_is_read_as_a_text(text):
    assert parse_value(text) == text
