"""Accuracy: how well the probabilities fit the labels, of all rows of a split, each scored once by one instance."""

import math

from pinbench.base.errors import KpiError
from pinbench.base.units import PERCENT
from pinbench.contract.case import Mode
from pinbench.contract.kpi import Kpi
from pinbench.contract.plan import DISTRIBUTED
from pinbench.contract.result import Accuracy, Comparison
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded

UNIT = "%"


def require(run: Measurement) -> None:
    """Refuse an accuracy run without labelled rows, with several instances, or with figures that cannot be.

    Raises:
        KpiError: says which.
    """
    if run.case.mode is not Mode.ACCURACY:
        return
    if len(run.results) != 1 and not run.case.knobs.own.get(DISTRIBUTED):
        raise KpiError(f"accuracy is of all scores together, but {len(run.results)} instances have some each")
    result = run.results[0]
    if result.scored_samples is None:
        raise KpiError("instance 0 scored no labelled rows")
    # A training's steps are not those that score, and the one step of LoadGen's test has all batches.
    if result.training is None and result.loadgen is None:
        _require_once(result.scored_samples, len(result.step_ns), run.case.knobs.batch_size)
    if result.accuracy is not None:
        _require_possible(result.accuracy)


def _require_once(samples: int, steps: int, batch_size: int) -> None:
    if steps != -(-samples // batch_size):
        raise KpiError(f"{steps} steps of {batch_size} rows scored {samples} rows: not each of them once")


def _require_possible(found: Accuracy) -> None:
    if not 0 < found.clicks < found.samples:
        raise KpiError(f"{found.clicks} of {found.samples} labelled rows are clicks: there are no pairs to compare")
    compared = () if found.fp32 is None else (found.fp32.auc, found.fp32.fp32_auc)
    for value in (found.auc, *compared):
        if not 0 <= value <= 1:  # NaN is not between anything
            raise KpiError(f"an area under the curve of {value} cannot be")
    if not math.isfinite(found.log_loss):
        raise KpiError(f"the log loss of the labelled rows is {found.log_loss}")


def primary(run: Measurement) -> Kpi:
    """Return the key KPI of accuracy mode: as in MLPerf, the area under the ROC curve in percent."""
    found = _found(run)
    assert found is not None, "`require` was asked before"
    note = f"100 x ROC AUC, n={found.samples}"
    return Kpi(
        name="Accuracy", value=rounded(found.auc * PERCENT), unit=UNIT, primary=True, higher_is_better=True, note=note
    )


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return what else the labels tell; nothing in other modes."""
    found = _found(run)
    if found is None:
        return ()
    share = rounded(found.clicks / found.samples * PERCENT)
    return (
        Kpi(name="Labelled Samples", value=found.samples),
        Kpi(name="Share of Clicks", value=share, unit=UNIT),
        Kpi(
            name="Correct at 0.5", value=rounded(found.correct / found.samples * PERCENT), unit=UNIT,
            higher_is_better=True, note=f"{rounded(max(share, PERCENT - share))} by always saying the same",
        ),
        Kpi(name="Log Loss", value=rounded(found.log_loss), unit="nats", higher_is_better=False),
        *_limit(found),
        *([] if found.fp32 is None else _against_fp32(found.fp32)),
    )  # fmt: skip


def _found(run: Measurement) -> Accuracy | None:
    return run.results[0].accuracy


def _limit(found: Accuracy) -> tuple[Kpi, ...]:
    if found.bayes_auc is None:
        return ()
    note = "of the law of the made-up labels; no model has more but by luck"
    return (Kpi(name="Bayes AUC", value=rounded(found.bayes_auc * PERCENT), unit=UNIT, note=note),)


def _against_fp32(compared: Comparison) -> tuple[Kpi, ...]:
    note = f"n={compared.samples}, the same rows"
    fp32, own = compared.fp32_auc * PERCENT, compared.auc * PERCENT
    return (
        Kpi(name="Accuracy in FP32", value=rounded(fp32), unit=UNIT, higher_is_better=True, note=note),
        Kpi(name="Accuracy Lost to FP32", value=rounded(fp32 - own), unit="points", higher_is_better=False, note=note),
    )
