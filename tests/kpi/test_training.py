"""What is printed of a training, and what is refused."""

import math
from dataclasses import replace

import pytest
from records import ACCURACY, make_case, make_record, ok

from pinbench.base.errors import KpiError
from pinbench.contract.case import Function, Mode
from pinbench.contract.result import Evaluation, Training
from pinbench.harness.kpi import throughput, training
from pinbench.harness.kpi.judge import judge
from pinbench.harness.kpi.measurement import measurement

FIRST = Evaluation(step=50, epoch=0.5, accuracy=replace(ACCURACY, auc=0.81, fp32=None), train_loss=0.2, elapsed_s=30.0)
LAST = Evaluation(step=100, epoch=1.0, accuracy=replace(ACCURACY, auc=0.80, fp32=None), train_loss=0.1, elapsed_s=61.5)
FOUND = Training(
    samples=12_750, loss=0.125, steps_per_epoch=100, target_auc=0.8, reached_s=61.5, evaluations=(FIRST, LAST)
)


def run_of(mode=Mode.ACCURACY, **changes):
    accuracy = LAST.accuracy if mode is Mode.ACCURACY else None
    result = ok(0, training=replace(FOUND, **changes), accuracy=accuracy)
    steps = None if mode is Mode.ACCURACY else 10
    return make_record(result, case=make_case(function=Function.TRAINING, mode=mode, steps=steps))


def lines(record):
    return {kpi.name: kpi.value for kpi in training.kpis(measurement(record))}


def test_the_course_of_a_training_and_its_time_to_the_target():
    assert lines(run_of()) == {
        "Training Loss": 0.125,
        "Training Throughput Without Evaluations": pytest.approx(12_750, rel=0.2),
        "Epochs": 1.0,
        "Optimizer Steps": 100,
        "Evaluations": 2,
        "Best Accuracy": 81.0,
        "Share Of Bayes AUC": 85.7143,  # 30 of 35 points
        "Target Accuracy": 80.0,
        "Converged": "yes",
        "Time To Train": 61.5,
    }


def test_a_target_that_was_not_reached_has_no_time():
    found = lines(run_of(reached_s=None))
    assert found["Converged"] == "no"
    assert "Time To Train" not in found
    assert not {"Converged", "Target Accuracy", "Time To Train"} & set(lines(run_of(target_auc=None)))


def test_steps_alone_tell_their_loss_and_that_of_inference_tells_nothing():
    assert lines(run_of(Mode.THROUGHPUT, evaluations=(), samples=12_800)) == {"Training Loss": 0.125}
    assert lines(make_record()) == {}


def test_the_primary_kpi_is_accuracy_or_throughput():
    assert judge(run_of())[-1].value == 80.0
    kpi = judge(run_of(Mode.THROUGHPUT, evaluations=(), samples=12_800))[-1]
    assert (kpi.name, kpi.unit) == ("Throughput", "samples/sec")


def test_rows_that_a_last_batch_lacks_are_no_samples():
    whole, short = run_of(samples=12_800), run_of(samples=6_400)
    rates = [throughput.total_per_s(measurement(record)) for record in (whole, short)]
    assert rates[1] == pytest.approx(rates[0] / 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"samples": 0}, "instance 0 learned from no rows"),
        ({"loss": math.nan}, "the loss of instance 0 is nan: it has diverged"),
        ({"evaluations": ()}, "instance 0 was never evaluated"),
    ],
)
def test_what_no_number_can_be_of_is_refused(changes, reason):
    with pytest.raises(KpiError, match=reason):
        judge(run_of(**changes))
