"""Our own rules: a log that is broken in one place has exactly the fault that was made."""

import pytest
from mlperf_logs import events, rewrite, write_log

from pinbench.contract.mlperf import LOG_FILE
from pinbench.harness.mlperf.check import faults, minutes_to_train
from pinbench.harness.mlperf.log import read_log

TARGET = 0.8025


@pytest.fixture
def log(tmp_path):
    return write_log(tmp_path / LOG_FILE, "dlrm")


def broken(log, key, change, occurrence=-1):
    changed = events(log)
    [event for event in changed if event["key"] == key][occurrence].update(change)
    return faults(read_log(rewrite(log, changed)), TARGET)


def test_a_good_log_has_no_faults(log):
    assert faults(read_log(log), TARGET) == ()


def test_a_run_that_was_aborted_is_a_fault(log):
    (fault,) = broken(log, "run_stop", {"metadata": {"status": "aborted"}})
    assert fault.startswith("the run ended with status 'aborted'")


def test_a_run_that_does_not_say_how_it_ended_is_a_fault(log):
    (fault,) = broken(log, "run_stop", {"metadata": {}})
    assert fault.startswith("the run ended with status None")


def test_a_quality_below_the_target_is_a_fault_though_an_earlier_one_reached_it(log):
    (fault,) = broken(log, "eval_accuracy", {"value": 0.8024})
    assert fault.startswith("the last AUC is 0.8024")
    assert fault.endswith("below the target of 0.8025")


@pytest.mark.parametrize("value", [float("nan"), 1.5, -0.1, "0.9", None, True])
def test_a_quality_that_cannot_be_is_a_fault(log, value):
    (fault,) = broken(log, "eval_accuracy", {"value": value})
    assert "cannot be" in fault


def test_a_time_that_goes_back_is_a_fault(log):
    changed = events(log)
    for number, event in enumerate(changed):
        event["time_ms"] = 1000 + number
    changed[4]["time_ms"], changed[5]["time_ms"] = changed[5]["time_ms"], changed[4]["time_ms"]
    (fault,) = faults(read_log(rewrite(log, changed)), TARGET)
    assert fault.startswith("time goes back by 1 ms from")
    assert "(line 6)" in fault


@pytest.mark.parametrize(
    "key",
    ["submission_org", "submission_platform", "seed", "global_batch_size", "gradient_accumulation_steps",
     "train_samples", "eval_samples"],
)  # fmt: skip
def test_a_run_that_cannot_be_told_from_others_or_repeated_is_a_fault(log, key):
    kept = [event for event in events(log) if event["key"] != key]
    assert faults(read_log(rewrite(log, kept)), TARGET) == (f"{key} must stand there once, found 0",)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("submission_org", " ", "must be a name, found ' '"),
        ("seed", -1, "must be a whole number from 0 on, found -1"),
        ("global_batch_size", 0, "must be a whole number from 1 on, found 0"),
        ("eval_samples", "many", "must be a whole number from 1 on, found 'many'"),
        ("train_samples", True, "must be a whole number from 1 on, found True"),
    ],
)
def test_an_identity_that_cannot_be_is_a_fault(log, key, value, message):
    (fault,) = broken(log, key, {"value": value})
    assert fault.startswith(f"{key} (line ")
    assert fault.endswith(message)


@pytest.mark.parametrize("key", ["init_start", "init_stop", "run_start", "run_stop"])
def test_an_edge_that_is_missing_is_a_fault(log, key):
    rewrite(log, [event for event in events(log) if event["key"] != key])
    assert f"{key} must stand there once, found 0" in faults(read_log(log), TARGET)


def moved(log, key, before):
    """Move the last event with `key` to before the first one with `before`; the times stay in order."""
    changed = events(log)
    times = [event["time_ms"] for event in changed]
    event = changed.pop(max(place for place, event in enumerate(changed) if event["key"] == key))
    changed.insert(next(place for place, other in enumerate(changed) if other["key"] == before), event)
    for event, time_ms in zip(changed, times, strict=True):
        event["time_ms"] = time_ms
    return faults(read_log(rewrite(log, changed)), TARGET)


def test_a_run_that_starts_before_it_is_initialised_is_a_fault(log):
    assert any("stands before init_stop" in fault for fault in moved(log, "run_start", "init_stop"))


def test_an_evaluation_after_the_run_is_a_fault(log):
    assert any(
        "eval_stop" in fault and "not between run_start" in fault for fault in moved(log, "run_stop", "eval_stop")
    )


def test_a_quality_before_its_evaluation_is_a_fault(log):
    assert any("has no eval_start before it" in fault for fault in moved(log, "eval_accuracy", "eval_start"))


def test_an_evaluation_without_a_quality_is_a_fault(log):
    changed = events(log)
    changed.remove([event for event in changed if event["key"] == "eval_accuracy"][-1])
    found = faults(read_log(rewrite(log, changed)), 0.1)
    assert len(found) == 1
    assert "has no eval_accuracy" in found[0]


def test_the_time_to_train_is_from_the_start_of_the_run_to_its_stop(log):
    changed = events(log)
    for event in changed:
        event["time_ms"] = {"run_start": 60_000, "run_stop": 210_000}.get(event["key"], 0)
    assert minutes_to_train(read_log(rewrite(log, changed))) == 2.5
