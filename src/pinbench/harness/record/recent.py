"""The list of recent log directories in the build root, for ``list-kpi.sh --recent``."""

from pathlib import Path

from pinbench.base.errors import RecordError

LIST = ".log_files"  # WSF's name; its `make clean` forgets it


def build_root(logs_root: Path) -> Path:
    """Return the CMake build folder that `logs_root` lies in, or `logs_root` itself outside of any."""
    here = logs_root.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "CMakeCache.txt").is_file()), here)


def remember(logs_root: Path, *log_directories: Path) -> None:
    """Append to the list: whoever reads it takes the last mention of a directory, and only those that exist.

    Raises:
        RecordError: the list cannot be written.
    """
    path = build_root(logs_root) / LIST
    try:
        with path.open("a", encoding="utf-8") as file:  # O_APPEND: simultaneous runs do not tear each other's lines
            file.write("".join(f"{directory.resolve()}\n" for directory in log_directories))
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror}") from error


def recent(start: Path) -> tuple[Path, ...]:
    """Return the log directories that the list of `start` or the nearest folder above remembers, oldest first.

    Raises:
        RecordError: there is no list, or it cannot be read.
    """
    here = start.resolve()
    for folder in (here, *here.parents, here / "build"):
        if (folder / LIST).is_file():
            return _existing(_read(folder / LIST))
    raise RecordError(f"no {LIST} in {here} or above: run a case first, or name the log directories")


def forget(root: Path) -> int:
    """Empty the list in the build folder `root` and return how many directories it remembered.

    Raises:
        RecordError: the list cannot be written.
    """
    path = root / LIST
    if not path.is_file():
        return 0
    count = len(_existing(_read(path)))
    try:
        path.unlink()
    except OSError as error:
        raise RecordError(f"cannot remove {path}: {error.strerror}") from error
    return count


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error


def _existing(text: str) -> tuple[Path, ...]:
    newest_first = dict.fromkeys(reversed(text.splitlines()))
    return tuple(path for line in reversed(newest_first) if (path := Path(line)).is_dir())
