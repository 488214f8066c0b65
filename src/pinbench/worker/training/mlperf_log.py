"""MLPerf's training log: the events of a training, written as they happen.

Each line is what MLCommons' own `mllog` writes: ``:::MLLOG `` and one JSON object (training_policies/README of
mlcommons, "Appendix: logging"). It is written here, so that a training needs no package to keep its log, and so that
its times never go backwards: the wall clock is read once, and CLOCK_MONOTONIC is added to it.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pinbench.base.errors import RecordError
from pinbench.base.units import NS_PER_MS
from pinbench.contract.case import Case, Scalar
from pinbench.contract.mlperf import LOG_FILE, LOG_MARK, Division, SubmissionStatus
from pinbench.worker.training.mlperf_optimizers import Optimizer, Sgd
from pinbench.worker.training.observer import Ending, Evaluation, TrainingRun

_START, _END, _POINT = "INTERVAL_START", "INTERVAL_END", "POINT_IN_TIME"
# The lowest precision of the products of a linear layer, in the words of the rules (training 6.0.0, common.yaml).
# bfloat32 keeps fp32 in memory, and multiplies in bfloat16.
_PRECISIONS = {"fp32": "fp32", "bfloat16": "bfloat16", "bfloat32": "bfloat16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Who submits what; in the words of the rules."""

    org: str
    platform: str
    division: Division = Division.OPEN
    status: SubmissionStatus = SubmissionStatus.RESEARCH
    cache_cleared: bool = False  # whether the page cache was emptied before the training; that needs root


@dataclass(frozen=True, slots=True, kw_only=True)
class _Benchmark:
    """In which MLPerf's benchmarks differ."""

    quality: Callable[[Evaluation], float]
    first_epoch: int = 0  # the number of the first one
    counts_samples: bool = False  # whether "epoch_num" is a number of samples
    weights: Callable[[Mapping[str, tuple[int, ...]]], tuple[str, ...]] = lambda _: ()  # the tensors it names


def _auc(evaluation: Evaluation) -> float:
    return evaluation.accuracy.auc


def _masked_words(evaluation: Evaluation) -> float:
    return evaluation.accuracy.correct / evaluation.accuracy.samples


def dlrm_tensors(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Return the names of the tensors in the words of the rules: all tables are one, and each layer is one."""
    names = dict.fromkeys(_dlrm_tensor(name) for name in shapes)
    return tuple(sorted(names, key=lambda name: ("embeddings", "bottom", "top").index(name.partition("_")[0])))


def _dlrm_tensor(name: str) -> str:
    part, number, _ = name.split(".")
    if part == "emb_l":
        return "embeddings"
    # The reference's stacks hold a layer and its activation in turn: bot_l.0, bot_l.2, ...
    return f"{'bottom' if part == 'bot_l' else 'top'}_mlp_dense{int(number) // 2 + 1}"


_BENCHMARKS = {
    # The reference counts a fraction of the first epoch as 1.05, 1.1, ... up to 2.
    "dlrm": _Benchmark(quality=_auc, first_epoch=1, weights=dlrm_tensors),
    "dlrm_dcnv2": _Benchmark(quality=_auc),
    "bert": _Benchmark(quality=_masked_words, counts_samples=True),
}


class MlperfLog:
    """An `Observer` that writes MLPerf's log; to be made before anything else, for it marks when that begins.

    Args:
        path: the file.
        submission: who submits.
        optimizer: what else than its schedule the log tells of the optimizer.

    Raises:
        RecordError: the file cannot be written.
    """

    def __init__(self, path: Path, submission: Submission, optimizer: Optimizer | None = None) -> None:
        self._submission = submission
        self._optimizer = optimizer or Sgd()
        self._run: TrainingRun | None = None
        self._lines = _Lines(path)
        self._lines.write(_POINT, "cache_clear", submission.cache_cleared)
        self._lines.write(_START, "init_start")

    def initialised(self, run: TrainingRun) -> None:
        """Write who submits, the hyper-parameters and the sizes, and that the initialisation has ended."""
        self._run = run
        self._lines.note_time()
        for key, value in self._facts(run):
            self._lines.write(_POINT, key, value)
        for tensor in self._benchmark.weights(run.weights):
            self._lines.write(_POINT, "weights_initialization", metadata={"tensor": tensor})
        self._lines.write(_END, "init_stop")

    def run_starts(self) -> None:
        """Write that the time to train begins."""
        self._lines.note_time()
        self._lines.write(_START, "run_start")

    def epoch_starts(self, epoch: int) -> None:
        """Write the begin of an epoch, which is a block of its own."""
        self._lines.note_time()
        block = {"first_epoch_num": self._epoch_number(epoch), "epoch_count": 1}
        self._lines.write(_START, "block_start", metadata=block)
        self._lines.write(_START, "epoch_start", metadata={"epoch_num": self._epoch_number(epoch)})

    def evaluation_starts(self, step: int, epoch: float) -> None:
        """Write the begin of an evaluation."""
        self._lines.note_time()
        self._lines.write(_START, "eval_start", metadata=self._progress(step, epoch))

    def evaluated(self, evaluation: Evaluation) -> None:
        """Write the quality and the end of the evaluation."""
        self._lines.note_time()
        progress = self._progress(evaluation.step, evaluation.epoch)
        self._lines.write(_POINT, "eval_accuracy", self._benchmark.quality(evaluation), progress)
        self._lines.write(_END, "eval_stop", metadata=progress)

    def epoch_stops(self, epoch: int) -> None:
        """Write the end of an epoch and of its block."""
        self._lines.note_time()
        self._lines.write(_END, "epoch_stop", metadata={"epoch_num": self._epoch_number(epoch)})
        self._lines.write(_END, "block_stop", metadata={"first_epoch_num": self._epoch_number(epoch)})

    def run_stops(self, ending: Ending, step: int) -> None:
        """Write that the time to train has ended, and why."""
        self._lines.note_time()
        self._lines.write(_END, "run_stop", metadata={"status": ending.value, "step_num": step})

    @property
    def _benchmark(self) -> _Benchmark:
        assert self._run is not None, "`initialised` comes first"
        return _BENCHMARKS[self._run.model]

    def _facts(self, run: TrainingRun) -> Iterator[tuple[str, Scalar]]:
        yield "submission_org", self._submission.org
        yield "submission_platform", self._submission.platform
        yield "submission_division", self._submission.division.value
        yield "submission_status", self._submission.status.value
        yield "submission_benchmark", run.model
        yield "seed", run.seed
        yield "global_batch_size", run.global_batch_size
        yield "gradient_accumulation_steps", run.gradient_accumulation_steps
        yield "lowest_numerical_precision_in_linear", _PRECISIONS[run.precision]
        yield from self._optimizer.keys(run).items()
        yield "train_samples", run.train_samples
        yield "eval_samples", run.eval_samples

    def _epoch_number(self, epoch: int) -> int:
        if self._benchmark.counts_samples:
            assert self._run is not None
            return epoch * self._run.train_samples
        return epoch + self._benchmark.first_epoch

    def _progress(self, step: int, epoch: float) -> dict[str, Scalar]:
        assert self._run is not None
        samples = step * self._run.global_batch_size
        if self._benchmark.counts_samples:
            return {"epoch_num": samples, "samples_count": samples, "step_num": step}
        return {"epoch_num": epoch + self._benchmark.first_epoch, "step_num": step}


def open_log(case: Case, folder: Path, optimizer: Optimizer | None = None) -> MlperfLog | None:
    """Return the log of `case` in an instance's `folder`, None where MLPERF_LOGGING does not ask for one.

    Raises:
        RecordError: the file cannot be written.
    """
    own = case.knobs.own
    if not own.get("MLPERF_LOGGING"):
        return None
    submission = Submission(
        org=str(own["MLPERF_ORG"]),
        platform=str(own.get("MLPERF_PLATFORM") or _cpu_name()),
        division=Division(str(own["MLPERF_DIVISION"])),
        status=SubmissionStatus(str(own["MLPERF_STATUS"])),
    )
    return MlperfLog(folder / LOG_FILE, submission, optimizer)


def _cpu_name() -> str:
    """Return the CPU's name; Arm's /proc/cpuinfo has none, and the architecture stands for it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, os.uname().machine)


class _Lines:
    """The file, line by line, each with the time of the event that it belongs to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._append("", mode="x")
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self.note_time()

    def note_time(self) -> None:
        """Take now for the time of the lines that follow."""
        self._time_ms = (time.monotonic_ns() + self._offset_ns) // NS_PER_MS

    def write(
        self, kind: str, key: str, value: Scalar | None = None, metadata: Mapping[str, Scalar] | None = None
    ) -> None:
        """Write one event; the line of our source that tells it is a part of it, as with `mllog`."""
        place = {"file": "pinbench/worker/training/mlperf_log.py", "lineno": sys._getframe(1).f_lineno}
        event = {
            "namespace": "",
            "time_ms": self._time_ms,
            "event_type": kind,
            "key": key,
            "value": value,
            "metadata": {**place, **(metadata or {})},
        }
        self._append(f"{LOG_MARK}{json.dumps(event)}\n")

    def _append(self, text: str, mode: Literal["x", "a"] = "a") -> None:
        """Add `text`, closing the file each time: a training that is killed leaves what happened."""
        try:
            with self._path.open(mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise RecordError(f"cannot write MLPerf's log {self._path}: {error.strerror}") from error
