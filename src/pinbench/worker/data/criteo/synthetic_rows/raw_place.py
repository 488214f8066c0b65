"""A place for half-written raw files inside the output directory, and how they become whole ones.

Files get their names when all of them are complete; PLANTED_FILE comes last, and of an old set it goes first. A file
that no PLANTED_FILE knows may be somebody's only copy of real rows: nothing replaces it. So that a job that was killed
while it gave names knows its files again, PLANTED_FILE waits among the half-written ones meanwhile.
"""

import os
import shutil
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import write_json
from pinbench.base.units import format_bytes
from pinbench.contract.data import MANIFEST_FILE, PLANTED_FILE, PlantedFacts, SynthesizeJob
from pinbench.worker.data.criteo.planted_file import read_planted
from pinbench.worker.data.criteo.synthetic_rows.raw_files import raw_bytes, raw_names
from pinbench.worker.data.lock import take_lock
from pinbench.worker.data.sync import sync

_FOLDER = ".synthetic"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of a job are written first."""

    folder: Path
    output: Path

    def publish(self, facts: PlantedFacts) -> None:
        """Give the files of `facts` their names in place of an old set, and write the facts.

        Raises:
            DataError: the file system refuses.
        """
        try:
            write_json(self.folder / PLANTED_FILE, facts)
            sync(self.folder)
            _remove_old(self.output)
            for file in facts.files:
                os.replace(self.folder / file.name, self.output / file.name)
            sync(self.output)
            os.replace(self.folder / PLANTED_FILE, self.output / PLANTED_FILE)
            sync(self.output)
        except OSError as error:
            raise DataError(f"cannot write {self.output}: {error.strerror}") from error
        except RecordError as error:
            raise DataError(str(error)) from error


@contextmanager
def raw_place(job: SynthesizeJob) -> Iterator[Place]:
    """Yield the place for the raw files of `job`, which no other job uses; remove it at the end, however it comes.

    Raises:
        DataError: the output holds files that are not to be replaced, another job is at work there, it has too little
            space, or it cannot be written.
    """
    output = Path(job.output)
    folder = output / _FOLDER
    _refuse_existing(output, job, {path.name for path in _named_by_stopped(folder)})
    try:
        lock = take_lock(folder / _LOCK, f"another job is at work in {output}; wait for it or choose another --output")
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror}") from error
    try:
        for path in _named_by_stopped(folder):
            path.unlink()
        _require_space(output, job)
        yield Place(folder, output)
    finally:
        shutil.rmtree(folder)
        os.close(lock)


def _named_by_stopped(folder: Path) -> list[Path]:
    """Return the files of a job that was killed while it gave them their names, as far as it came."""
    facts = read_planted(folder)
    moved = [] if facts is None else [file for file in facts.files if not (folder / file.name).exists()]
    paths = [(folder.parent / file.name, file.size_bytes) for file in moved]
    return [path for path, size_bytes in paths if path.exists() and path.stat().st_size == size_bytes]


def _refuse_existing(output: Path, job: SynthesizeJob, own: Set[str]) -> None:
    if (output / MANIFEST_FILE).exists():
        raise DataError(f"{output} holds a prepared data set; choose another --output for raw files")
    planted = read_planted(output)
    if planted is not None and not job.force:
        raise DataError(f"{output / PLANTED_FILE} exists; choose another --output, or replace its files with --force")
    known = own | (set() if planted is None else {file.name for file in planted.files})
    for name in raw_names(job):
        if name not in known and (output / name).exists():
            raise DataError(f"{output / name} exists and is not known to be made up; choose another --output")


def _remove_old(output: Path) -> None:
    planted = read_planted(output)
    if planted is None:
        return
    (output / PLANTED_FILE).unlink()
    for file in planted.files:
        (output / file.name).unlink(missing_ok=True)


def _require_space(output: Path, job: SynthesizeJob) -> None:
    needed_bytes = raw_bytes(job)
    free_bytes = shutil.disk_usage(output).free
    if free_bytes < needed_bytes:
        raise DataError(
            f"too little space for {output}: about {format_bytes(needed_bytes)} needed, {format_bytes(free_bytes)} "
            "free; choose an --output on another disk or fewer --rows"
        )
