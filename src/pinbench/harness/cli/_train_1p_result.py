"""What a training on one card ends with, in the lines and the table of the original's scripts."""

from pinbench.base.errors import KpiError
from pinbench.base.units import ns_to_s
from pinbench.contract.result import InstanceResult, Record, Training

_CARDS = {"npu": "NPU", "cuda": "GPU", "cpu": "CPU"}
_AMP = {"float32": "O0", "float16": "O1"}  # apex's levels: all in fp32, and mixed precision
_HEADER = ("NAME", "ACC", "FPS", "Epoch", "AMP_Type", "Torch_Version")


def result_lines(record: Record, left_out: int) -> tuple[str, ...]:
    """Return the lines of a run that passed.

    The rate leaves the first `left_out` steps out, as the original does with its first line of progress, unless there
    are no others; a step includes its wait for data.

    Raises:
        KpiError: the record is not of a training with an evaluation.
    """
    result = record.results[0]
    found, device = result.training, result.device
    if found is None or not found.evaluations or device is None:
        raise KpiError("the run left no evaluation of a training on a device")
    last = found.evaluations[-1]
    rate = rate_per_s(result, found, record, left_out)
    compute = "" if result.engine is None else result.engine.settings.get("compute", "")
    row = (
        f"1p-{_CARDS.get(device.device.partition(':')[0], device.device)}",
        f"{last.accuracy.auc:.4f}",
        f"{rate:.3f}",
        f"{last.epoch:.2f}".removesuffix(".00"),
        _AMP.get(compute, compute),
        record.software.packages.get("torch", "unknown"),
    )
    right, rows = last.accuracy.correct / last.accuracy.samples, last.accuracy.samples
    return (
        "------------------ Final result ------------------",
        f"Final Performance sec/images : {rate:.3f}",  # the original's words: it is images, that is samples, a second
        f"Final Train Accuracy : {last.accuracy.auc:.4f} (area under the ROC curve of {rows} test rows)",
        f"Final Share Of Right Answers : {right:.4f} (of the same rows, at a probability of 0.5)",
        f"Final Train Loss : {found.loss:.6f}",
        f"E2E Training Duration sec : {record.elapsed_s:.1f}",
        f"Device : {device.device} ({device.name}), asked for: {device.asked}",
        "",
        *_table(row),
    )


def rate_per_s(result: InstanceResult, found: Training, record: Record, left_out: int) -> float:
    """Return the samples of a second of the steps' own time."""
    assert record.plan is not None
    skipped = left_out if left_out < len(result.step_ns) else 0
    samples = found.samples - skipped * record.plan.case.knobs.batch_size
    return samples / ns_to_s(sum(result.step_ns[skipped:]))


def _table(row: tuple[str, ...]) -> tuple[str, ...]:
    widths = [max(len(cell) for cell in column) for column in zip(_HEADER, row, strict=True)]
    lines = (_HEADER, tuple("-" * width for width in widths), row)
    return tuple(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )
