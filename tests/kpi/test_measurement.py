from dataclasses import replace

import pytest
from records import died, make_case, make_record, ok

from pinbench.base.errors import KpiError
from pinbench.contract.result import Status
from pinbench.harness.kpi.measurement import measurement


def refused(record, match):
    with pytest.raises(KpiError, match=match) as error:
        measurement(record)
    assert "\n" not in str(error.value)


def test_two_instances_that_measured_together_are_a_measurement():
    assert measurement(make_record()).overlap == 1.0


def test_a_dead_instance_is_named_with_its_signal():
    refused(make_record(ok(0), died(1)), r"^instance 1 did not finish: killed by signal 9 \(SIGKILL\)$")


def test_a_signal_without_a_name_is_told_by_its_number():
    refused(make_record(ok(0), died(1, signal=200)), "killed by signal 200$")


def test_an_instance_that_failed_by_itself_is_named_with_its_words():
    refused(make_record(replace(died(0), exit_signal=None, error="weights do not fit"), ok(1)), "weights do not fit")


def test_every_instance_that_did_not_finish_is_named():
    refused(make_record(died(0), ok(1), died(2, signal=11)), r"instance 0 .*SIGKILL.*instance 2 .*SIGSEGV")


def test_the_reason_of_the_launcher_comes_before_what_the_results_tell():
    record = make_record(died(0, signal=15), died(1), status=Status.FAILED, failure="instance 1 died first")
    refused(record, "^instance 1 died first$")


def test_a_run_that_failed_without_a_reason_has_no_number():
    refused(make_record(status=Status.FAILED), "the run failed")


def test_a_run_without_a_plan_has_no_number():
    refused(make_record(plan=None), "before its instances were planned")


def test_an_instance_without_a_result_is_named():
    refused(replace(make_record(ok(0), ok(1)), results=(ok(0),)), "instance 1 did not finish: it left no result")


@pytest.mark.parametrize("results", [(ok(0), ok(0)), (ok(0), ok(2)), (ok(0), ok(1), ok(1))])
def test_results_of_other_instances_than_planned_are_refused(results):
    refused(replace(make_record(), results=results), "planned were")


def test_too_little_overlap_is_refused_with_its_figure():
    refused(make_record(ok(0), ok(1, start_s=1000.1)), r"together for only 81\.8 % of the time")


def test_overlap_of_just_enough_is_accepted():
    run = measurement(make_record(ok(0, steps=1000), ok(1, steps=1000, start_s=1000.25)))
    assert 0.95 <= run.overlap < 0.96


def test_fewer_steps_than_asked_for_are_refused():
    refused(make_record(ok(0, steps=9), ok(1, steps=9)), "instance 0 measured 9 steps, STEPS=10")


def test_another_batch_size_than_the_case_says_is_refused():
    refused(make_record(ok(0), ok(1, batch_size=64)), "instance 1 ran batches of 64, BATCH_SIZE=128")


def test_a_clock_that_went_backwards_is_refused():
    case = make_case(steps=2)
    refused(make_record(ok(0, begin_ns=(10, 5), step_ns=(1, 1)), case=case), "clock of instance 0 went backwards")
    refused(make_record(ok(0, begin_ns=(10, 20), step_ns=(1, -1)), case=case), "clock of instance 0 went backwards")


def test_steps_that_took_no_time_are_refused():
    case = make_case(steps=1)
    refused(make_record(ok(0, begin_ns=(10,), step_ns=(0,)), case=case), "took no time")


def test_begins_and_durations_that_do_not_match_are_refused():
    refused(make_record(ok(0, begin_ns=(1, 2, 3))), "3 begins of steps and 100 durations")
