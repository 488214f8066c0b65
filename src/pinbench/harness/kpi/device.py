"""The accelerator's memory, and the course of a training on one in the words of FlagPerf's DLRM case.

Source: FlagOpen/FlagPerf, training/run_benchmarks of DLRM: what its FINISHED event holds. A rate there is called
throughput(ips)_raw; a unit stands last here. Its three rates have one numerator, the rows learned from, and differ in
what their time leaves out: evaluations, and the waits for data besides.
"""

from pinbench.base.units import MIB, ns_to_s
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import InstanceResult, Training
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.window import measured_window

_RATE = "ips"  # images, that is samples, a second


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return the device's memory, and FlagPerf's figures of a training with evaluations; nothing without a device."""
    found: list[Kpi] = []
    for result in run.results:
        if result.device is not None:
            found += _memory(result)
            if result.training is not None and result.training.evaluations:
                found += _course(result, result.training)
    return tuple(found)


def _memory(result: InstanceResult) -> tuple[Kpi, ...]:
    assert result.device is not None
    if result.device.peak_bytes is None:
        return ()
    value, note = rounded(result.device.peak_bytes / MIB), f"the most at a time, of {result.device.name}"
    return (Kpi(name="mem", value=value, unit="MiB", higher_is_better=False, note=note),)


def _course(result: InstanceResult, found: Training) -> tuple[Kpi, ...]:
    train_s = ns_to_s(measured_window(result).duration_ns)
    no_eval_s = ns_to_s(sum(result.step_ns))
    waited_s = 0.0 if result.flow is None else ns_to_s(result.flow.wait_ns)
    last = found.evaluations[-1]
    setup = () if result.setup_s is None else (_time("init_time", result.setup_s, "until the common start"),)
    whole = () if result.setup_s is None else (_time("e2e_time", result.setup_s + train_s, "both of these"),)
    best_auc = max(seen.accuracy.auc for seen in found.evaluations)
    return (
        *setup,
        _time("train_time", train_s, "evaluations included"),
        *whole,
        _time("train_no_eval_time", no_eval_s, "of the steps, waits for data included"),
        _time("pure_training_computing_time", no_eval_s - waited_s, "of the steps without these waits"),
        Kpi(name="num_trained_samples", value=found.samples),
        Kpi(name="global_steps", value=last.step),
        _rate("throughput_raw", found.samples / train_s),
        _rate("throughput_no_eval", found.samples / no_eval_s),
        _rate("throughput_pure_compute", found.samples / (no_eval_s - waited_s)),
        Kpi(name="final_auc", value=rounded(last.accuracy.auc), higher_is_better=True),
        Kpi(name="best_auc", value=rounded(best_auc), higher_is_better=True),
        Kpi(name="loss", value=rounded(found.loss), higher_is_better=False, note="of the last step"),
        Kpi(
            name="best_validation_loss",
            value=rounded(min(seen.accuracy.log_loss for seen in found.evaluations)),
            higher_is_better=False,
        ),
        *(() if found.target_auc is None else (Kpi(name="converged", value=found.reached_s is not None),)),
    )


def _time(name: str, value_s: float, note: str) -> Kpi:
    return Kpi(name=name, value=rounded(value_s), unit="s", higher_is_better=False, note=note)


def _rate(name: str, value: float) -> Kpi:
    return Kpi(name=name, value=rounded(value), unit=_RATE, higher_is_better=True)
