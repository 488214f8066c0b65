"""The course of a training as files: each evaluation as JSON and CSV, and both curves as SVG and PNG.

The plot is matplotlib's (`script/env/python plot`); where that is not installed, the numbers are there without it.
"""

import csv
import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import write_json, write_text
from pinbench.base.units import PERCENT
from pinbench.contract.result import Evaluation, Record, Training

NAME = "curve"  # of the files, before .json, .csv, .svg and .png
COLUMNS = ("step", "epoch", "elapsed_s", "auc", "log_loss", "train_loss", "samples")

_SIZE_INCHES, _DOTS_PER_INCH = (8.0, 4.5), 120
_GRID = 0.3  # opacity
_PLOTS = ("svg", "png")


def write_curve(record: Record, folder: Path) -> str | None:
    """Write the curve of the training in `record` into `folder`.

    Returns:
        One line on what is missing; None: nothing is, or there is no curve.

    Raises:
        RecordError: a file cannot be written.
    """
    training = next((result.training for result in record.results if result.training is not None), None)
    if training is None or not training.evaluations:
        return None
    rows = [dict(zip(COLUMNS, _row(evaluation), strict=True)) for evaluation in training.evaluations]
    write_json(folder / f"{NAME}.json", {"target_auc": training.target_auc, "evaluations": rows})
    write_text(folder / f"{NAME}.csv", _csv(rows))
    try:
        figure_type: Callable[..., Any] = import_module("matplotlib.figure").Figure
    except ImportError:
        return f"{NAME}.csv is not plotted: matplotlib is not installed (`script/env/python plot` installs it)"
    figure = _figure(figure_type, training, _title(record))
    for ending in _PLOTS:
        _save(figure, folder / f"{NAME}.{ending}")
    return None


def _row(evaluation: Evaluation) -> tuple[int | float, ...]:
    found = evaluation.accuracy
    course = (evaluation.step, evaluation.epoch, evaluation.elapsed_s)
    return (*course, found.auc, found.log_loss, evaluation.train_loss, found.samples)


def _csv(rows: list[dict[str, int | float]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _title(record: Record) -> str:
    if record.plan is None:
        return ""
    case = record.plan.case
    return f"{case.name}\nbatches of {case.knobs.batch_size}, seed {case.knobs.seed}"


def _figure(figure_type: Callable[..., Any], training: Training, title: str) -> Any:
    """Return losses and area over epochs, each on its own axis; told apart by marks, too, for print without colours."""
    evaluations = training.evaluations
    epochs = [evaluation.epoch for evaluation in evaluations]
    figure = figure_type(figsize=_SIZE_INCHES, layout="constrained")
    losses = figure.subplots()
    losses.set_title(title, fontsize="medium")
    losses.plot(epochs, [found.train_loss for found in evaluations], "o-", color="tab:blue", label="training loss")
    log_losses = [found.accuracy.log_loss for found in evaluations]
    losses.plot(epochs, log_losses, "^--", color="tab:cyan", label="log loss of test rows")
    losses.set_xlabel("epochs learned")
    losses.set_ylabel("loss (nats)")
    losses.grid(alpha=_GRID)
    areas = losses.twinx()
    areas.plot(epochs, [found.accuracy.auc * PERCENT for found in evaluations], "s-", color="tab:red", label="AUC")
    areas.set_ylabel("AUC of test rows (%)")
    limits = (
        ("target AUC", training.target_auc, "--", "tab:red"),
        ("Bayes AUC", evaluations[-1].accuracy.bayes_auc, ":", "black"),
    )
    for name, auc, style, color in limits:
        if auc is not None:
            areas.axhline(auc * PERCENT, linestyle=style, color=color, label=name)
    figure.legend(loc="outside lower center", ncols=5, fontsize="small")
    return figure


def _save(figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, dpi=_DOTS_PER_INCH)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise RecordError(f"cannot write {path}: {error.strerror}") from error
