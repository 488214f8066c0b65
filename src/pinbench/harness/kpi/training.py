"""Training: what was learned, how long it took to the target, and how near it came to what can be reached."""

import math
from collections.abc import Sequence

from pinbench.base.errors import KpiError
from pinbench.base.units import PERCENT, ns_to_s
from pinbench.contract.case import Function, Mode
from pinbench.contract.kpi import Kpi
from pinbench.contract.plan import DISTRIBUTED, RANKS
from pinbench.contract.result import Evaluation, InstanceResult, Training
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.throughput import UNIT as RATE_UNIT

_NO_SKILL = 0.5  # the area of a coin


def require(run: Measurement) -> None:
    """Refuse a training whose instances learned nothing that a number could be of.

    Raises:
        KpiError: names the instance.
    """
    if run.case.function is not Function.TRAINING:
        return
    for result in run.results:
        if result.model is None:
            continue  # a dummy
        found = result.training
        if found is None or not found.samples:
            raise KpiError(f"instance {result.index} learned from no rows")
        if not math.isfinite(found.loss):
            raise KpiError(f"the loss of instance {result.index} is {found.loss}: it has diverged")
        if run.case.mode is Mode.ACCURACY and not found.evaluations:
            raise KpiError(f"instance {result.index} was never evaluated")


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return what the steps learned; nothing of inference."""
    trained = [(result, result.training) for result in run.results if result.training is not None]
    if not trained:
        return ()
    loss = max(found.loss for _, found in trained)
    kpis = [
        Kpi(name="Training Loss", value=rounded(loss), unit="nats", higher_is_better=False, note="of the last step")
    ]
    found = trained[0][1]
    if found.evaluations:
        kpis += [*_rate(trained), *_course(found), *_target(found)]
    return (*kpis, *_ranks(run))


def _ranks(run: Measurement) -> tuple[Kpi, ...]:
    """Return how many ranks train, and, where this host has not all of them, how fast all of them are."""
    if not run.case.knobs.own.get(DISTRIBUTED):
        return ()
    ranks = int(run.plan.instances[0].env[RANKS])
    kpis = [Kpi(name="Ranks", value=ranks)]
    if ranks > len(run.results):
        steps = sum(len(result.step_ns) for result in run.results) / len(run.results)
        value = rounded(steps * run.case.knobs.batch_size / ns_to_s(run.window.duration_ns))
        note = f"BATCH_SIZE times the steps; this host has {len(run.results)} of the ranks"
        kpis.append(Kpi(name="Throughput of All Hosts", value=value, unit=RATE_UNIT, higher_is_better=True, note=note))
    return tuple(kpis)


def _rate(trained: Sequence[tuple[InstanceResult, Training]]) -> tuple[Kpi, ...]:
    value = rounded(sum(found.samples / ns_to_s(sum(result.step_ns)) for result, found in trained))
    note = "of the steps' own time; the throughput has the evaluations in it"
    name = "Training Throughput Without Evaluations"
    return (Kpi(name=name, value=value, unit=RATE_UNIT, higher_is_better=True, note=note),)


def _course(found: Training) -> tuple[Kpi, ...]:
    last, best = found.evaluations[-1], max(found.evaluations, key=_auc)
    kpis = [
        Kpi(name="Epochs", value=rounded(last.epoch)),
        Kpi(name="Optimizer Steps", value=last.step),
        Kpi(name="Evaluations", value=len(found.evaluations)),
        Kpi(
            name="Best Accuracy", value=rounded(_auc(best) * PERCENT), unit="%", higher_is_better=True,
            note=f"after epoch {best.epoch:.2f}",
        ),
    ]  # fmt: skip
    bayes_auc = last.accuracy.bayes_auc
    if bayes_auc is not None and bayes_auc > _NO_SKILL:
        share = (_auc(last) - _NO_SKILL) / (bayes_auc - _NO_SKILL)
        note = "of what the law of the made-up labels has above 50 %"
        kpis.append(
            Kpi(name="Share Of Bayes AUC", value=rounded(share * PERCENT), unit="%", higher_is_better=True, note=note)
        )
    if found.resumed_step is not None:
        kpis.append(Kpi(name="Resumed After Step", value=found.resumed_step))
    return tuple(kpis)


def _target(found: Training) -> tuple[Kpi, ...]:
    if found.target_auc is None:
        return ()
    kpis = [
        Kpi(name="Target Accuracy", value=rounded(found.target_auc * PERCENT), unit="%"),
        Kpi(name="Converged", value="no" if found.reached_s is None else "yes"),
    ]
    if found.reached_s is not None:
        note = "from the first step to the evaluation that reached the target, evaluations included"
        kpis.append(
            Kpi(name="Time To Train", value=rounded(found.reached_s), unit="s", higher_is_better=False, note=note)
        )
    return tuple(kpis)


def _auc(evaluation: Evaluation) -> float:
    return evaluation.accuracy.auc
