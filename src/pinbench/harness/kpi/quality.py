"""Quality: outputs that agree with an independent fp32 computation. Without it there is no number."""

import math

from pinbench.base.errors import KpiError
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import InstanceResult
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded


def require(run: Measurement) -> None:
    """Refuse outputs that nobody checked or that are off by more than their precision explains.

    Raises:
        KpiError: names the instance, its error and the tolerance. An instance without a model (a dummy) passes.
    """
    for result in run.results:
        _require(result)


def _require(result: InstanceResult) -> None:
    quality = result.quality
    if quality is None:
        if result.model is not None:
            raise KpiError(f"instance {result.index} did not check the outputs of {result.model.name}")
        return
    if quality.samples < 1:
        raise KpiError(f"instance {result.index} checked the outputs of no sample")
    if not math.isfinite(quality.max_logit_error) or quality.max_logit_error > quality.tolerance:
        raise KpiError(
            f"the outputs of instance {result.index} are off by {quality.max_logit_error:g} from fp32 eager, "
            f"{quality.tolerance:g} is tolerated"
        )


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the largest error of all instances, with the number of samples that were compared."""
    qualities = [result.quality for result in run.results if result.quality is not None]
    if not qualities:
        return ()
    worst = max(qualities, key=lambda quality: quality.max_logit_error)
    note = f"n={sum(quality.samples for quality in qualities)}, tolerance {worst.tolerance:g}"
    return (
        Kpi(name="Model Quality Metric Name", value="max logit error against fp32 eager"),
        Kpi(name="Model Quality Metric Value", value=rounded(worst.max_logit_error), higher_is_better=False, note=note),
    )
