"""The runs that make up a submission: their logs, wherever they lie, and the records beside them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import RecordError
from pinbench.contract.mlperf import BENCHMARKS, LOG_FILE
from pinbench.contract.result import Record
from pinbench.harness.mlperf.log import Log, read_log
from pinbench.harness.record.discover import RECORD
from pinbench.harness.record.schema import read_record

_ALIKE = ("submission_benchmark", "submission_division", "submission_org", "submission_platform", "submission_status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One log, and the record of its iteration where there is one."""

    log: Log
    record: Record | None


def find_runs(places: Sequence[Path]) -> tuple[Run, ...]:
    """Return the runs at `places`, each a log, an iteration or a log directory, in this order.

    Raises:
        RecordError: there is no log at a place, or one cannot be read.
    """
    return tuple(_run(path) for place in places for path in _logs(place))


def require_submission(runs: Sequence[Run]) -> None:
    """Check that `runs` are of one submission, each with a seed of its own, and as many as its benchmark wants.

    Raises:
        RecordError: says which are not.
    """
    first = runs[0].log
    for run in runs[1:]:
        for key in _ALIKE:
            if (said := run.log.said(key)) != first.said(key):
                raise RecordError(f"{run.log.path} has {key} {said}, but {first.path} has {first.said(key)}")
    wanted = BENCHMARKS[first.benchmark].runs
    if len(runs) != wanted:
        raise RecordError(f"a submission of {first.benchmark} has {wanted} runs, got {len(runs)}")
    seeds: dict[str | None, Path] = {}
    for run in runs:
        seed = run.log.said("seed")
        if seed in seeds:
            raise RecordError(
                f"{run.log.path} and {seeds[seed]} have the same seed {seed}: each run needs one of its own (SEED)"
            )
        seeds[seed] = run.log.path


def _run(path: Path) -> Run:
    record = next((folder / RECORD for folder in path.absolute().parents[:4] if (folder / RECORD).is_file()), None)
    return Run(log=read_log(path), record=None if record is None else read_record(record))


def _logs(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    if found := sorted(place.rglob(LOG_FILE), key=_natural):
        return found
    raise RecordError(f"{place} holds no {LOG_FILE}: a training writes one with MLPERF_LOGGING=True")


def _natural(path: Path) -> list[str | int]:
    """Return what sorts itr-2 before itr-10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", str(path))]
