from dataclasses import replace

import pytest
from records import ACCURACY, make_case, make_record, ok, recorded_runs

from pinbench.base.errors import KpiError
from pinbench.contract.case import Mode
from pinbench.harness.kpi import accuracy, samples, throughput
from pinbench.harness.kpi.judge import conclude, judge
from pinbench.harness.kpi.measurement import measurement
from pinbench.harness.kpi.text import format_block

RECORD = recorded_runs()["accuracy"]  # 12,750 rows in 100 steps of 128: the last one has 78


def with_accuracy(**changes):
    return measurement(replace(RECORD, results=(ok(0, accuracy=replace(ACCURACY, **changes)),)))


def test_the_key_kpi_is_the_area_under_the_curve_in_percent():
    kpi = accuracy.primary(measurement(RECORD))
    assert (kpi.name, kpi.value, kpi.unit, kpi.note) == ("Accuracy", 80.25, "%", "100 x ROC AUC, n=12750")
    assert (kpi.primary, kpi.higher_is_better) == (True, True)


def test_beside_it_stands_what_else_the_labels_tell():
    lines = {kpi.name: (kpi.value, kpi.unit, kpi.note) for kpi in accuracy.kpis(measurement(RECORD))}
    assert lines == {
        "Labelled Samples": (12_750, "", ""),
        "Share of Clicks": (3.2, "%", ""),
        "Correct at 0.5": (96.8706, "%", "96.8 by always saying the same"),
        "Log Loss": (0.1275, "nats", ""),
        "Bayes AUC": (85.0, "%", "of the law of the made-up labels; no model has more but by luck"),
        "Accuracy in FP32": (80.275, "%", "n=12750, the same rows"),
        "Accuracy Lost to FP32": (0.025, "points", "n=12750, the same rows"),
    }


def test_what_is_not_known_has_no_line():
    names = {kpi.name for kpi in accuracy.kpis(with_accuracy(bayes_auc=None, fp32=None))}
    assert names == {"Labelled Samples", "Share of Clicks", "Correct at 0.5", "Log Loss"}
    assert accuracy.kpis(measurement(recorded_runs()["good"])) == ()


def test_the_rows_that_fill_up_the_last_batch_are_no_samples():
    run = measurement(RECORD)
    lines = {kpi.name: kpi.value for kpi in (*samples.kpis(run), *throughput.kpis(run))}
    assert lines["Samples"] == 12_750
    assert lines["Total Throughput"] == 12_750.0  # in one second


def test_the_block_has_one_line_with_an_asterisk():
    text = format_block(conclude(RECORD)[1])
    assert [line for line in text.splitlines() if line.startswith("*")] == [
        "*Accuracy (%): 80.25 # 100 x ROC AUC, n=12750"
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clicks": 0}, "0 of 12750 labelled rows are clicks: there are no pairs to compare"),
        ({"clicks": 12_750}, "12750 of 12750 labelled rows are clicks"),
        ({"auc": float("nan")}, "an area under the curve of nan cannot be"),
        ({"auc": 1.5}, r"an area under the curve of 1\.5 cannot be"),
        ({"fp32": replace(ACCURACY.fp32, fp32_auc=float("nan"))}, "an area under the curve of nan"),
        ({"log_loss": float("inf")}, "the log loss of the labelled rows is inf"),
        ({"samples": 12_800 + 1}, "100 steps of 128 rows scored 12801 rows: not each of them once"),
        ({"samples": 12_672}, "100 steps of 128 rows scored 12672 rows: not each of them once"),
    ],
)
def test_figures_that_cannot_be_have_no_number(changes, reason):
    with pytest.raises(KpiError, match=reason):
        accuracy.require(with_accuracy(**changes))


def test_a_run_without_labels_or_with_parts_of_the_scores_has_no_number():
    case = make_case(mode=Mode.ACCURACY)
    with pytest.raises(KpiError, match="instance 0 scored no labelled rows"):
        judge(make_record(ok(0), case=case))
    with pytest.raises(KpiError, match="accuracy is of all scores together, but 2 instances have some each"):
        judge(make_record(ok(0, accuracy=ACCURACY), ok(1, accuracy=ACCURACY), case=case))
