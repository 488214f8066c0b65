import pytest
from records import make_record, ok

from pinbench.harness.kpi.measurement import measurement
from pinbench.harness.kpi.throughput import kpis, primary, total_per_s


def test_the_total_is_the_sum_of_the_instances_own_rates():
    # 128 samples in 10 ms and 128 samples in 20 ms
    run = measurement(make_record(ok(0, step_s=0.010, steps=200), ok(1, step_s=0.020, steps=100)))
    assert total_per_s(run) == pytest.approx(12_800 + 6_400)
    assert primary(run).value == 19_200.0


def test_only_the_common_window_counts_and_a_step_across_its_edge_in_proportion():
    # Instance 0 does a fast step first, then half of a slow one before instance 1 is there. Had the fast step
    # counted, or the slow one whole, its rate would be above the 128 samples / 0.5 s of its slow steps.
    early = ok(0, start_s=10.0, step_ns=(10_000_000,) + (500_000_000,) * 20)
    late = ok(1, start_s=10.26, step_ns=(500_000_000,) * 20)
    assert total_per_s(measurement(make_record(early, late))) == pytest.approx(2 * 256)


def test_time_between_steps_lowers_the_rate():
    begins = tuple(range(0, 2_000_000_000, 20_000_000))  # each 20 ms, the step itself takes 10
    run = measurement(make_record(ok(0, begin_ns=begins, step_ns=(10_000_000,) * 100)))
    assert total_per_s(run) == pytest.approx(100 * 128 / 1.99)


def test_the_average_is_that_of_the_instances_and_each_has_its_own_line():
    run = measurement(make_record(ok(0, step_s=0.010, steps=200), ok(1, step_s=0.020, steps=100)))
    assert {kpi.name: kpi.value for kpi in kpis(run)} == {
        "Total Throughput": 19_200.0,
        "Average Throughput": 9_600.0,
        "Throughput of Instance 0": 12_800.0,
        "Throughput of Instance 1": 6_400.0,
    }


def test_only_the_key_kpi_is_primary():
    run = measurement(make_record())
    assert primary(run).primary
    assert not any(kpi.primary for kpi in kpis(run))
