from dataclasses import replace

import pytest
from records import make_case, make_record, ok, recorded_runs

from pinbench.base.errors import KpiError
from pinbench.contract.case import Mode
from pinbench.contract.result import Answers
from pinbench.harness.kpi import answers, samples
from pinbench.harness.kpi.judge import conclude, judge
from pinbench.harness.kpi.measurement import measurement
from pinbench.harness.kpi.text import format_block

ANSWERS = Answers(questions=12_400, windows=12_750, exact_match=0.8381, f1=0.90874)
_ACCURACY = recorded_runs()["accuracy"]


def record_with(found=ANSWERS):  # 100 steps of 128 windows: the last one has 78
    return replace(_ACCURACY, results=(replace(_ACCURACY.results[0], accuracy=None, answers=found),))


def test_the_key_kpi_is_f1_in_percent():
    kpi = answers.primary(measurement(record_with()))
    assert (kpi.name, kpi.value, kpi.unit, kpi.note) == ("Accuracy", 90.874, "%", "F1, n=12400 questions")
    assert (kpi.primary, kpi.higher_is_better) == (True, True)


def test_the_block_of_questions_has_their_lines_and_none_of_clicks():
    text = format_block(conclude(record_with())[1])
    assert "*Accuracy (%): 90.874 # F1, n=12400 questions" in text
    assert "\nExact Match (%): 83.81\n" in text
    assert "Questions: 12400\nWindows: 12750\n" in text
    assert "Clicks" not in text


def test_the_samples_are_the_windows_without_what_fills_up_the_last_batch():
    lines = {kpi.name: kpi.value for kpi in samples.kpis(measurement(record_with()))}
    assert lines["Samples"] == 12_750


def test_other_runs_have_no_such_lines():
    assert answers.kpis(measurement(_ACCURACY)) == ()
    assert answers.found(measurement(_ACCURACY)) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"f1": float("nan")}, "an agreement with the given answers of nan cannot be"),
        ({"exact_match": 1.5}, "an agreement with the given answers of 1.5 cannot be"),
        ({"questions": 0}, "12750 windows of 0 questions cannot be"),
        ({"questions": 12_751}, "12750 windows of 12751 questions cannot be"),
        ({"windows": 12_900}, "100 steps of 128 rows scored 12900 rows: not each of them once"),
    ],
)
def test_figures_that_cannot_be_are_refused(changes, reason):
    with pytest.raises(KpiError, match=reason):
        judge(record_with(replace(ANSWERS, **changes)))


def test_several_instances_are_refused():
    case = make_case(mode=Mode.ACCURACY)
    record = make_record(*(replace(ok(index), answers=ANSWERS) for index in (0, 1)), case=case)
    with pytest.raises(KpiError, match="2 instances have some each"):
        judge(record)
