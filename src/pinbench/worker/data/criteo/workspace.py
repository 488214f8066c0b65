"""A place for half-written files inside the output directory, where a stopped job is found again, and its end.

The folder holds a lock, so that one job works there; `job.json`, which says what work it is; and what the stages keep.
The finished set moves out of it at the end. From the moment on that the folder has a manifest, the set is whole, and a
job that finds it there only goes on with moving.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import from_jsonable, read_json, to_jsonable, write_json
from pinbench.contract.data import MANIFEST_FILE, DataManifest
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.schema import known_files
from pinbench.worker.data.lock import take_lock
from pinbench.worker.data.sync import sync

_FOLDER = ".preparing"
_LOCK = "lock"
_JOB = "job.json"
_SET = "set"
_REPLACED = "replaced.json"


class Workspace:
    """The folder of one job, locked."""

    def __init__(self, output: Path):
        self.output = output
        self.folder = output / _FOLDER
        self.set_folder = self.folder / _SET

    @property
    def is_begun(self) -> bool:
        """Whether a job was stopped here."""
        return (self.folder / _JOB).exists()

    @property
    def is_whole(self) -> bool:
        """Whether the set is whole, and only has to be moved."""
        return (self.folder / MANIFEST_FILE).exists()

    def begin(self, job: Mapping[str, Any], restart: bool) -> Mapping[str, Any]:
        """Begin `job`, or go on with it; return the job as it was begun.

        What its values under the key "cut" are does not matter for going on: the first ones stay.

        Raises:
            DataError: another job was stopped here (names what differs), and not `restart`.
        """
        if restart:
            self._clear()
        try:
            begun = read_json(self.folder / _JOB) if self.is_begun else None
            if begun is None:
                self._clear()
                begun = to_jsonable(job)
                write_json(self.folder / _JOB, begun)
        except RecordError as error:
            raise DataError(f"{error}; start again with --restart") from error
        if difference := _difference(begun, to_jsonable(job)):
            raise DataError(
                f"{self.folder} holds a stopped job with other orders: {difference}; give the same orders to go on "
                "with it, or --restart to forget it"
            )
        self.set_folder.mkdir(exist_ok=True)
        return dict(begun)

    def sync(self) -> None:
        """Return when all of the set is on the disk.

        Raises:
            DataError: it does not get there.
        """
        try:
            for folder, _, names in os.walk(self.set_folder):
                for name in names:
                    sync(Path(folder, name))
                sync(Path(folder))
        except OSError as error:
            raise DataError(f"cannot write {self.set_folder}: {error.strerror}") from error

    def seal(self, manifest: DataManifest) -> None:
        """State that the set, which is on the disk, is whole.

        Raises:
            DataError: the file system refuses.
        """
        try:
            replaced = [path.relative_to(self.output).as_posix() for path in set_files(self.output)]
            write_json(self.folder / _REPLACED, replaced)
            write_json(self.folder / MANIFEST_FILE, manifest)
            sync(self.folder)
        except OSError as error:
            raise DataError(f"cannot write {self.set_folder}: {error.strerror}") from error
        except RecordError as error:
            raise DataError(str(error)) from error

    def publish(self) -> DataManifest:
        """Move the whole set into the output, in place of the one there; remove the folder; return the manifest.

        Raises:
            DataError: the file system refuses.
        """
        try:
            manifest = from_jsonable(DataManifest, read_json(self.folder / MANIFEST_FILE))
            # All of the old set goes first: a stop halfway must not leave new rows beside old counts.
            self._remove_replaced()
            for file in manifest.files:
                if (self.set_folder / file.name).exists():
                    (self.output / file.name).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(self.set_folder / file.name, self.output / file.name)
            for folder in {(self.output / file.name).parent for file in manifest.files}:
                sync(folder)
            os.replace(self.folder / MANIFEST_FILE, self.output / MANIFEST_FILE)
            sync(self.output)
        except OSError as error:
            raise DataError(f"cannot write {self.output}: {error.strerror}") from error
        except RecordError as error:
            raise DataError(str(error)) from error
        self.remove()
        return manifest

    def remove(self) -> None:
        """Remove the folder; the lock goes last."""
        self._clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clear(self) -> None:
        # What says that a job can go on here goes first, or a stop now would leave it with half of its files.
        for name in (MANIFEST_FILE, _JOB):
            (self.folder / name).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()

    def _remove_replaced(self) -> None:
        path = self.folder / _REPLACED
        if not path.exists():
            return
        for name in read_json(path):
            (self.output / name).unlink(missing_ok=True)
            for parent in (self.output / name).parents:
                if parent == self.output or any(parent.iterdir()):
                    break
                parent.rmdir()
        path.unlink()


@contextmanager
def workspace(output: Path) -> Iterator[Workspace]:
    """Yield the workspace of `output`, locked; what is in it stays, unless no job was begun in it.

    Raises:
        DataError: another job is at work in `output`; or the folder cannot be made.
    """
    space = Workspace(output)
    is_new = not output.exists()
    try:
        lock = take_lock(space.folder / _LOCK, f"another job is at work in {output}; wait for it, or stop it")
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror}") from error
    try:
        yield space
    finally:
        if not space.is_begun:
            shutil.rmtree(space.folder, ignore_errors=True)
            if is_new and not any(output.iterdir()):
                output.rmdir()
        os.close(lock)


def set_files(directory: Path) -> list[Path]:
    """Return the files of the data set in `directory`, in the order in which to remove them."""
    try:
        manifest = read_manifest(directory)
    except DataError:
        manifest = None  # of another schema, or damaged: it goes, and what else is known to be of a set
    listed = [] if manifest is None else [directory / file.name for file in reversed(manifest.files)]
    paths = dict.fromkeys([directory / MANIFEST_FILE, *listed, *reversed(known_files(directory))])
    return [path for path in paths if path.exists()]


def refuse_existing(output: Path, force: bool) -> None:
    """Refuse to touch a data set in `output` unless `force` says so.

    Raises:
        DataError: there is one; names its first file.
    """
    there = set_files(output)
    if there and not force:
        raise DataError(f"{there[0]} exists; choose another --output, or replace the data set there with --force")


def _difference(begun: Mapping[str, Any], job: Mapping[str, Any]) -> str | None:
    for key in job:
        if key != "cut" and begun.get(key) != job[key]:
            return f"{key} was {_short(begun.get(key), job[key])}, now {_short(job[key], begun.get(key))}"
    return None


def _short(value: Any, other: Any) -> str:
    """Return of a list the first item that differs from `other`, else the value."""
    if isinstance(value, list) and isinstance(other, list):
        differing = [item for index, item in enumerate(value) if index >= len(other) or item != other[index]]
        return f"{differing[0]}" if differing else f"{len(value)} of them"
    return "the default" if value is None else f"{value}"
