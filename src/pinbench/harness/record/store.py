"""The log directory: one folder a run of a case, in WSF's layout; earlier ones are renamed, never deleted.

logs-<case>/                   the newest run
  .run                         when it began; locked (flock) while it goes on
  workload-config.yaml         test-config.yaml where parameters were overridden
  kpi.sh  kpi.pyz              print the KPI block, also on another machine
  git-history/                 HEAD, and CHANGED: names of changed files, never their content
  itr-1/
    plan.json  record.json  kpi.txt  kpi.sh
    worker-0-c0/               status (written last), benchmark_<case>.log, instance-NNN/
<MMDD-HHMMSS>-logs-<case>/     an earlier run, by its start
<MMDD-HHMMSS>-<label>-logs-<case>/    one of several runs of one call: l<loop>, b<member of a burst>, ...
"""

import fcntl
import itertools
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from pinbench.base.errors import ExitCode, RecordError
from pinbench.base.jsonio import write_json, write_text
from pinbench.base.units import KIB, MIB
from pinbench.contract.case import Case
from pinbench.contract.plan import Plan
from pinbench.contract.result import Record, Status
from pinbench.harness.record import recent
from pinbench.harness.record.bundle import NAME as BUNDLE
from pinbench.harness.record.bundle import write_bundle
from pinbench.harness.record.discover import CONFIG, RECORD, WORKER
from pinbench.harness.record.schema import write_record
from pinbench.harness.record.workload_config import Settings, overrides_config, workload_config

LOGS_PREFIX = "logs-"
_RUN = ".run"
_KPI = "kpi.sh"
_PROBE_BYTES = MIB  # room for the files that a short run leaves
_TAIL_BYTES = 64 * KIB  # of each instance's log: with ONEDNN_VERBOSE it may hold gigabytes
_EXIT_CODES = {Status.PASSED: ExitCode.PASSED, Status.FAILED: ExitCode.FAILED, Status.SKIPPED: ExitCode.SKIPPED}


class IterationDirectory:
    """``itr-N``: what one iteration leaves behind."""

    def __init__(self, path: Path, case_name: str) -> None:
        self.path = path
        self.instances_dir = path / WORKER  # the launcher makes instance-NNN/ in it
        self.log_path = self.instances_dir / f"benchmark_{case_name}.log"

    def write_plan(self, plan: Plan) -> None:
        """Keep `plan`: before anything is launched.

        Raises:
            RecordError: the file cannot be written.
        """
        write_json(self.path / "plan.json", plan)

    def log(self, line: str) -> None:
        """Append `line` to the benchmark log at once: tools that watch for a phrase see it when it happens.

        Raises:
            RecordError: the file cannot be written.
        """
        with _explained(self.log_path), self.log_path.open("a", encoding="utf-8") as file:
            file.write(line.rstrip("\n") + "\n")

    def finish(self, record: Record, text: str) -> None:
        """Keep `record`, its KPI block `text`, the ends of the instances' logs, and last of all the status.

        Raises:
            RecordError: a file cannot be written; there is no status then.
        """
        write_record(self.path / RECORD, record)
        write_text(self.path / "kpi.txt", text)
        self.log(text)
        for log in sorted(self.instances_dir.glob("instance-*/*.log")):
            self._log_end_of(log)
        write_text(self.instances_dir / "status", f"{int(_EXIT_CODES[record.status])}\n")

    def _log_end_of(self, log: Path) -> None:
        with _explained(log), log.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(max(0, size_bytes - _TAIL_BYTES))
            end = file.read().decode("utf-8", errors="replace")
        if end.strip():
            name = log.relative_to(self.instances_dir)
            self.log(f"==> {name}{' (its end)' if size_bytes > _TAIL_BYTES else ''} <==\n{end}")


class LogDirectory:
    """The folder of one run, locked until `close`.

    Attributes:
        path: the folder.
        notice: what the user should be told of the choice of folder; None in the ordinary case.
    """

    def __init__(self, path: Path, case_name: str, lock: IO[str], notice: str | None) -> None:
        self.path = path
        self.notice = notice
        self._case_name = case_name
        self._lock = lock

    def write_configuration(
        self, case: Case, settings: Settings, *, kpi_script: Path, changed_files: Sequence[str] = ()
    ) -> None:
        """Write what is known before the run: its configuration, its history, and the means to read its KPIs.

        Args:
            case: with the user's overrides applied.
            settings: of the build and the command line.
            kpi_script: the workload's kpi.sh.
            changed_files: names of files that differ from the commit.

        Raises:
            RecordError: a file cannot be written.
        """
        write_text(self.path / CONFIG, workload_config(case, settings))
        if (overrides := overrides_config(case)) is not None:
            write_text(self.path / "test-config.yaml", overrides)
        if settings.git_commit is not None:
            history = self.path / "git-history"
            _make(history)
            write_text(history / "HEAD", f"{settings.git_commit}\n")
            write_text(history / "CHANGED", "".join(f"{name}\n" for name in changed_files))
        write_bundle(self.path / BUNDLE)
        _install(kpi_script, self.path / _KPI)

    def keep(self, file: Path) -> None:
        """Copy `file` into the directory, if it is there.

        Raises:
            RecordError: it cannot be read or written.
        """
        if file.is_file():
            with _explained(file):
                write_text(self.path / file.name, file.read_text(encoding="utf-8"))

    def start_iteration(self, number: int) -> IterationDirectory:
        """Make ``itr-<number>``, counted from 1.

        Raises:
            RecordError: it exists already or cannot be made.
        """
        iteration = IterationDirectory(self.path / f"itr-{number}", self._case_name)
        _make(iteration.path)
        _make(iteration.instances_dir)
        if (self.path / _KPI).is_file():
            _install(self.path / _KPI, iteration.path / _KPI)
        return iteration

    def close(self) -> None:
        """Let go of the lock: the run is over."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_log_directory(logs_root: Path, case_name: str, now: datetime, label: str = "") -> LogDirectory:
    """Make the log directory of a run that starts `now`: ``logs-<case>``, the newest one.

    With a `label` the folder has the time and the label in its name, and ``logs-<case>`` stays as it is.

    An earlier one is renamed first, by the time it started. While a run of the same case is in progress its
    folder stays, and this run gets a folder with a time in its name; `LogDirectory.notice` says so.

    Raises:
        RecordError: `logs_root` cannot be written to; nothing has been renamed or started then.
    """
    with _explained(logs_root):
        logs_root.mkdir(parents=True, exist_ok=True)
    _probe(logs_root)
    newest = logs_root / f"{LOGS_PREFIX}{case_name}"
    with _exclusive(logs_root / ".log_directories.lock"):
        notice = None
        path = newest
        if label:
            path = _free_name(newest, now, label)
        elif _is_running(newest):
            path = _free_name(newest, now)
            notice = f"another run of {case_name} is in progress in {newest}; this one logs to {path}"
        elif newest.exists():
            _put_aside(newest, logs_root)
        _make(path)
        write_text(path / _RUN, now.isoformat() + "\n")
        with _explained(path / _RUN):
            lock = (path / _RUN).open(encoding="utf-8")
            fcntl.flock(lock, fcntl.LOCK_EX)
    recent.remember(logs_root, path)
    return LogDirectory(path, case_name, lock, notice)


def _put_aside(newest: Path, logs_root: Path) -> None:
    earlier = _free_name(newest, _started_at(newest))
    with _explained(earlier):
        newest.rename(earlier)
    recent.remember(logs_root, earlier)


def _probe(folder: Path) -> None:
    """Fail now rather than after the benchmark: a full disk shows only when bytes are written."""
    with _explained(folder), tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(_PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())


def _is_running(log_directory: Path) -> bool:
    if not (log_directory / _RUN).is_file():
        return False
    with _explained(log_directory / _RUN), (log_directory / _RUN).open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _started_at(log_directory: Path) -> datetime:
    if (log_directory / _RUN).is_file():
        text = (log_directory / _RUN).read_text(encoding="utf-8").strip()
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise RecordError(f"{log_directory / _RUN} holds no time: {text!r}; move the folder away") from error
    return datetime.fromtimestamp(log_directory.lstat().st_mtime).astimezone()  # not a folder that we made


def _free_name(newest: Path, started_at: datetime, label: str = "") -> Path:
    label = f"-{label}" if label else ""
    suffixes = itertools.chain([""], (f"-{count}" for count in itertools.count(2)))
    names = (newest.with_name(f"{started_at:%m%d-%H%M%S}{suffix}{label}-{newest.name}") for suffix in suffixes)
    return next(name for name in names if not name.exists())


def _install(script: Path, target: Path) -> None:
    with _explained(script):
        text = script.read_text(encoding="utf-8")
    write_text(target, text)
    target.chmod(0o755)


def _make(folder: Path) -> None:
    with _explained(folder):
        folder.mkdir()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Keep two runs from renaming and making the same folder at once."""
    with _explained(path):
        file = path.open("w", encoding="utf-8")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordError(f"cannot keep logs: {path}: {error.strerror}") from error
