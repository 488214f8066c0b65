"""A place for half-written files inside the output directory, and how they become a whole data set.

Files get their names only when all of them are complete and on the disk; the manifest comes last. A reader that
finds no binary, or no counts, says so; it never finds a part of a file under its final name.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pinbench.base.errors import DataError, RecordError
from pinbench.base.jsonio import write_json
from pinbench.contract.data import MANIFEST_FILE, DataManifest
from pinbench.worker.data.criteo.schema import known_files

_FOLDER = ".preparing"


@contextmanager
def workspace(output: Path) -> Iterator[Path]:
    """Yield a new folder in `output` that no other job uses; remove it at the end, however it comes.

    Raises:
        DataError: another job is at work in `output`, or was killed; or the folder cannot be made.
    """
    folder = output / _FOLDER
    try:
        output.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except FileExistsError as error:
        if output.is_dir():
            raise DataError(
                f"{folder} exists: another job is at work there, or one was killed; remove it if none is running"
            ) from error
        raise DataError(f"cannot write {output}: it is not a directory") from error
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def refuse_existing(output: Path, force: bool) -> None:
    """Refuse to touch a data set in `output` unless `force` says so.

    Raises:
        DataError: there is one; names its first file.
    """
    there = _data_set_files(output)
    if there and not force:
        raise DataError(f"{there[0]} exists; choose another --output, or replace the data set there with --force")


def publish(folder: Path, output: Path, manifest: DataManifest, order: Sequence[str]) -> None:
    """Move the files `order` from `folder` to `output`, in place of a data set there, and write the manifest.

    Raises:
        DataError: the file system refuses.
    """
    try:
        # All of the old set goes first: a stop halfway must not leave new rows beside old counts or an old manifest.
        for path in _data_set_files(output):
            path.unlink()
        for name in order:
            _sync(folder / name)
            os.replace(folder / name, output / name)
        _sync(output)
        write_json(output / MANIFEST_FILE, manifest)
        _sync(output)
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror}") from error
    except RecordError as error:
        raise DataError(str(error)) from error


def _data_set_files(output: Path) -> list[Path]:
    manifest = output / MANIFEST_FILE
    return [*([manifest] if manifest.exists() else []), *known_files(output)]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
