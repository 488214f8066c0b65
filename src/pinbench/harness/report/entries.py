"""Reads what log directories hold: one entry an iteration, judged from its record by the code that reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pinbench.base.errors import RecordError, UsageError
from pinbench.contract.case import Case, Scalar
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import Status
from pinbench.harness.kpi.judge import conclude
from pinbench.harness.record.discover import RECORD, WORKER, is_iteration, iterations, log_directories
from pinbench.harness.record.schema import read_record
from pinbench.harness.report.judged import Judged, judged, keep, recall


class Outcome(StrEnum):
    """How an iteration ended, as far as its files tell."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    INCOMPLETE = "incomplete"  # no status: killed, or not over yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One iteration. `case` and `host` are None where there is no record to tell them."""

    path: Path
    outcome: Outcome
    reason: str | None = None
    case: Case | None = None
    host: str | None = None  # the CPU model
    started_at: str | None = None  # ISO 8601
    elapsed_s: float | None = None
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    system: Mapping[str, Scalar] = field(default_factory=dict)  # the machine and the software
    kpis: tuple[Kpi, ...] = ()

    @property
    def primary(self) -> Kpi | None:
        """The key KPI; None when there is no number."""
        return next((kpi for kpi in self.kpis if kpi.primary), None)


def read_entries(paths: Iterable[Path]) -> tuple[Entry, ...]:
    """Return the iterations of `paths`: log directories, iterations, or folders that hold such, anywhere below.

    Raises:
        UsageError: a path does not exist, or holds no log directory.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for iteration in _iterations(path):
            found.setdefault(iteration.resolve(), iteration)  # named twice, it would count twice
    return tuple(_read(iteration) for iteration in found.values())


def _iterations(path: Path) -> list[Path]:
    if not path.is_dir():
        raise UsageError(f"no such directory: {path}")
    if is_iteration(path):
        return [path]
    directories = log_directories(path)
    if not directories:
        raise UsageError(f"no log directory in {path}: expected workload-config.yaml or itr-1 in it or below it")
    # A run that was killed before its first iteration is listed under its own name.
    return [iteration for directory in directories for iteration in iterations(directory) or (directory,)]


def _read(path: Path) -> Entry:
    status_file = path / WORKER / "status"
    if not status_file.is_file():
        return Entry(path=path, outcome=Outcome.INCOMPLETE, reason="the run was killed, or goes on")
    try:
        found = _judged(path)
        status = status_file.read_text(encoding="utf-8", errors="replace").strip()
    except RecordError as error:
        return Entry(path=path, outcome=Outcome.FAILED, reason=str(error))
    except OSError as error:
        return Entry(path=path, outcome=Outcome.FAILED, reason=f"cannot read {status_file}: {error.strerror}")
    if found.status is Status.PASSED and status != "0":
        return Entry(path=path, outcome=Outcome.FAILED, reason=f"{status_file} says {status!r}")
    return Entry(
        path=path,
        outcome=Outcome(found.status.value),
        reason=found.reason,
        case=found.case,
        host=found.host,
        started_at=found.started_at,
        elapsed_s=found.elapsed_s,
        parameters=found.parameters,
        system=found.system,
        kpis=found.kpis,
    )


def _judged(path: Path) -> Judged:
    try:
        content = (path / RECORD).read_bytes()
    except OSError as error:
        raise RecordError(f"cannot read {path / RECORD}: {error.strerror}") from error
    if (known := recall(path, content)) is not None:
        return known
    found = judged(*conclude(read_record(path / RECORD)))
    keep(path, content, found)
    return found
