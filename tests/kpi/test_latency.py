import pytest
from records import make_case, make_record, ok

from pinbench.harness.kpi.latency import kpis, percentile, primary
from pinbench.harness.kpi.measurement import measurement


def by_name(run):
    return {kpi.name: kpi.value for kpi in kpis(run)}


def test_percentiles_come_from_the_steps_of_all_instances_together():
    run = measurement(make_record(ok(0, step_s=0.010, steps=200), ok(1, step_s=0.020, steps=100)))
    values = by_name(run)
    assert values["P50 Latency"] == 10.0  # 200 of 300 steps took 10 ms
    assert values["P90 Latency"] == 20.0
    assert values["Mean Latency"] == pytest.approx(13.3333)


def test_a_percentile_is_a_time_that_happened():
    steps = tuple(range(1_000_000, 101_000_000, 1_000_000))  # 1, 2, ... 100 ms
    values = by_name(measurement(make_record(ok(0, step_ns=steps))))
    assert values["Min Latency"] == 1.0
    assert values["P50 Latency"] == 50.0
    assert values["P90 Latency"] == 90.0
    assert values["P99 Latency"] == 99.0
    assert values["Max Latency"] == 100.0


@pytest.mark.parametrize(("permille", "enough"), [(500, 2), (900, 10), (950, 20), (990, 100), (999, 1000)])
def test_a_percentile_that_the_number_of_steps_cannot_support_is_absent(permille, enough):
    assert percentile(range(enough), permille) is not None
    assert percentile(range(enough - 1), permille) is None


def test_an_unsupported_percentile_has_no_line():
    values = by_name(measurement(make_record(ok(0, steps=50))))
    assert "P95 Latency" in values
    assert "P99 Latency" not in values
    assert "P99.9 Latency" not in values


def test_each_line_says_how_many_steps_it_rests_on():
    run = measurement(make_record(ok(0, steps=50), ok(1, steps=50)))
    assert {kpi.note for kpi in kpis(run)} == {"n=100"}


def test_steps_that_began_outside_the_common_window_are_left_out():
    slow_first = (100_000_000,) + (10_000_000,) * 300
    run = measurement(make_record(ok(0, step_ns=slow_first), ok(1, start_s=1000.1, steps=300)))
    assert by_name(run)["Max Latency"] == 10.0


def test_the_key_kpi_is_the_mean_time_of_a_batch():
    run = measurement(make_record(ok(0, step_ns=(1_000_000, 3_000_000)), case=make_case(steps=2)))
    assert (primary(run).name, primary(run).value, primary(run).unit) == ("Latency", 2.0, "ms")
