"""Answers to questions: how well they agree with those that people gave, of all questions, by one instance."""

from pinbench.base.errors import KpiError
from pinbench.base.units import PERCENT
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import Answers
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded

UNIT = "%"


def found(run: Measurement) -> Answers | None:
    """Return what was scored; None: the run answered no questions."""
    return run.results[0].answers


def require(run: Measurement) -> None:
    """Refuse figures that cannot be.

    Raises:
        KpiError: says which.
    """
    answers = found(run)
    if answers is None:
        return
    if not 1 <= answers.questions <= answers.windows:
        raise KpiError(f"{answers.windows} windows of {answers.questions} questions cannot be")
    for value in (answers.exact_match, answers.f1):
        if not 0 <= value <= 1:  # NaN is not between anything
            raise KpiError(f"an agreement with the given answers of {value} cannot be")


def primary(run: Measurement) -> Kpi:
    """Return the key KPI of accuracy mode: as in MLPerf, F1 in percent."""
    answers = found(run)
    assert answers is not None
    note = f"F1, n={answers.questions} questions"
    value = rounded(answers.f1 * PERCENT)
    return Kpi(name="Accuracy", value=value, unit=UNIT, primary=True, higher_is_better=True, note=note)


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return what else the answers tell; nothing in other runs."""
    answers = found(run)
    if answers is None:
        return ()
    return (
        Kpi(name="Questions", value=answers.questions),
        Kpi(name="Windows", value=answers.windows),
        Kpi(name="Exact Match", value=rounded(answers.exact_match * PERCENT), unit=UNIT, higher_is_better=True),
    )
