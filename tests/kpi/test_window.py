import pytest
from records import ok

from pinbench.base.units import s_to_ns
from pinbench.harness.kpi.window import Window, common_window, measured_window, overlap, steps_begun, steps_done


def seconds(start_s, end_s):
    return Window(s_to_ns(start_s), s_to_ns(end_s))


def test_the_common_window_is_from_the_latest_start_to_the_earliest_end():
    results = [ok(0, start_s=10.0, step_s=0.1, steps=10), ok(1, start_s=10.2, step_s=0.1, steps=10)]
    assert common_window(results) == seconds(10.2, 11.0)


def test_overlap_is_the_common_share_of_the_time_in_which_anyone_measured():
    results = [ok(0, start_s=10.0, step_s=0.1, steps=10), ok(1, start_s=10.5, step_s=0.1, steps=10)]
    assert overlap(results) == pytest.approx(0.5 / 1.5)


def test_instances_that_never_measured_together_overlap_by_nothing():
    results = [ok(0, start_s=10.0, step_s=0.1, steps=10), ok(1, start_s=20.0, step_s=0.1, steps=10)]
    assert overlap(results) == 0.0


def test_one_instance_overlaps_with_itself_entirely():
    assert overlap([ok(0)]) == 1.0


@pytest.mark.parametrize(
    ("at_s", "done"), [(9.0, 0.0), (10.0, 0.0), (10.05, 0.5), (10.1, 1.0), (10.25, 2.5), (11.0, 10.0), (99.0, 10.0)]
)
def test_a_step_under_way_counts_in_proportion(at_s, done):
    assert steps_done(ok(0, start_s=10.0, step_s=0.1, steps=10), s_to_ns(at_s)) == pytest.approx(done)


def test_nothing_is_done_in_the_gap_between_two_steps():
    result = ok(0, begin_ns=(0, 1000), step_ns=(100, 100))
    assert steps_done(result, 100) == steps_done(result, 999) == 1.0
    assert measured_window(result) == Window(0, 1100)


def test_a_step_that_the_clock_could_not_see_counts_as_done():
    assert steps_done(ok(0, begin_ns=(0, 50), step_ns=(0, 10)), 20) == 1.0


def test_a_step_belongs_to_the_window_that_it_began_in():
    result = ok(0, start_s=10.0, step_s=0.1, steps=10)
    assert steps_begun(result, seconds(10.1, 10.35)) == slice(1, 4)
    assert steps_begun(result, measured_window(result)) == slice(0, 10)
