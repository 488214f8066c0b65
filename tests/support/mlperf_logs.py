"""MLPerf logs for tests: what an `Observer` is told of a small training, and lines changed afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pinbench.contract.mlperf import LOG_MARK, Division, SubmissionStatus
from pinbench.contract.result import Accuracy
from pinbench.worker.training.mlperf_log import MlperfLog, Submission
from pinbench.worker.training.mlperf_optimizers import Adagrad, Lamb, Optimizer
from pinbench.worker.training.observer import Ending, Evaluation, Schedule, TrainingRun

# The layers of the reference: three below, five above, and 26 tables.
DLRM_WEIGHTS: dict[str, tuple[int, ...]] = {
    **{f"emb_l.{table}.weight": (10, 128) for table in range(26)},
    **{f"bot_l.{layer}.{kind}": (1,) for layer in (0, 2, 4) for kind in ("weight", "bias")},
    **{f"top_l.{layer}.{kind}": (1,) for layer in (0, 2, 4, 6, 8) for kind in ("weight", "bias")},
}
_QUALITY = {"dlrm": 0.8026, "dlrm_dcnv2": 0.8028, "bert": 0.7201}
OPTIMIZERS: dict[str, Optimizer | None] = {
    "dlrm": None,
    "dlrm_dcnv2": Adagrad(),
    "bert": Lamb(epsilon=1e-6, beta_1=0.9, beta_2=0.999, weight_decay_rate=0.01),
}


def training_run(model: str, **changes: Any) -> TrainingRun:
    """Return a training of MLPerf's `model` at its reference's sizes."""
    is_dlrm = model == "dlrm"
    facts = {
        "model": model,
        "global_batch_size": 32_768,
        "gradient_accumulation_steps": 1,
        "schedule": Schedule(
            base=18.0 if is_dlrm else 0.004,
            warmup_steps=8000 if is_dlrm else 0,
            decay_start_step=70_000 if is_dlrm else 0,
            decay_steps=30_000 if is_dlrm else 0,
        ),
        "seed": 727,
        "train_samples": 4_195_197_692,
        "eval_samples": 89_137_319,
        "steps_per_epoch": 128_028,
        "epochs": 1,
        "target_auc": _QUALITY[model],
        "precision": "fp32",
        "weights": DLRM_WEIGHTS if is_dlrm else {},
    }
    return TrainingRun(**{**facts, **changes})


def write_log(
    path: Path, model: str, *, division: Division = Division.OPEN, seed: int = 727, last: float | None = None
) -> Path:
    """Write the log of a training that is evaluated twice and succeeds; `last` is the quality in the end."""
    quality = _QUALITY[model] if last is None else last
    submission = Submission(org="example", platform="two sockets", division=division, status=SubmissionStatus.ONPREM)
    log = MlperfLog(path, submission, OPTIMIZERS[model])
    log.initialised(training_run(model, seed=seed))
    log.run_starts()
    log.epoch_starts(0)
    for step, epoch, value in ((6401, 0.05, quality - 0.1), (12_802, 0.1, quality)):
        log.evaluation_starts(step, epoch)
        log.evaluated(_evaluation(step, epoch, value))
    log.epoch_stops(0)
    log.run_stops(Ending.SUCCESS, 12_802)
    return path


def _evaluation(step: int, epoch: float, quality: float) -> Evaluation:
    samples = 1_000_000
    accuracy = Accuracy(samples=samples, clicks=32_000, auc=quality, correct=round(samples * quality), log_loss=0.125)
    return Evaluation(step=step, epoch=epoch, accuracy=accuracy, train_loss=0.13, elapsed_s=60.0)


def events(path: Path) -> list[dict[str, Any]]:
    """Return the events of a log."""
    return list(_events(path))


def _events(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line.removeprefix(LOG_MARK))


def rewrite(path: Path, changed: list[dict[str, Any]]) -> Path:
    """Write `changed` events to `path`."""
    path.write_text("".join(f"{LOG_MARK}{json.dumps(event)}\n" for event in changed), encoding="utf-8")
    return path
