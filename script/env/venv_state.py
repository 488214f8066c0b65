"""What `.venv` holds: which levels are installed as the pins say now. Read at each start, so it imports little."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import needs

TORCH_INDEX = "PINBENCH_TORCH_INDEX"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenvState:
    """A folder for a virtual environment and, in ``<folder>/pinbench/``, our own state.

    ``lock``         held by the process that changes the environment
    ``made``         the interpreter's tag and the place; written when pip works
    ``changing``     pip is changing packages: found at a start it means that the last change was cut off
    ``constraints.txt``  the pins of an environment of its own
    ``torch-index``  hash of the wheel index that torch came from, where one was named
    ``<level>``      the fingerprint of what is installed for a level; written last
    """

    folder: Path
    root: Path = needs.ROOT
    torch_index: str | None = None
    apart: str = ""  # the one level of an environment of its own; nothing for `.venv`

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    @property
    def log(self) -> Path:
        """What pip said."""
        return self.folder / "pip.log"

    @property
    def own(self) -> Path:
        """The folder of our own files."""
        return self.folder / "pinbench"

    @property
    def constraints(self) -> Path:
        """The file of the pins, as pip is given it."""
        return self.own / "constraints.txt" if self.apart else self.root / needs.CONSTRAINTS

    def write_constraints(self) -> None:
        """Write the pins of an environment of its own; those of `.venv` are pip's to read as they stand."""
        if self.apart:
            text = (self.root / needs.CONSTRAINTS).read_text(encoding="utf-8")
            self.constraints.write_text("\n".join(needs.pins(text, self.apart)) + "\n", encoding="utf-8")

    def implied(self, level: str) -> tuple[str, ...]:
        """Return the levels that are installed here when `level` is."""
        return (level,) if self.apart else needs.implied(level)

    def is_ready(self, level: str) -> bool:
        """Return whether `level` is installed as the pins say now, and torch from the index that is asked for."""
        stamp = read_or_none(self.own / level)
        if stamp is None or not self.is_whole():
            return False
        if "torch" in needs.packages(level, self.root) and not self.has_torch_of_index():
            return False
        return stamp == needs.fingerprint(level, self.root)

    def is_whole(self) -> bool:
        """Return whether the environment was made completely, here, with the interpreter that it has."""
        return read_or_none(self.own / "made") == f"{self.tag()} {self.folder}"

    def has_torch_of_index(self) -> bool:
        """Return whether torch came from the index that is asked for; without one any torch will do."""
        return self.torch_index is None or read_or_none(self.own / "torch-index") == digest(self.torch_index)

    def tag(self) -> str | None:
        """Return what tells the environment's interpreter from another, e.g. ``cpython-311``; None: it does not run."""
        if Path(sys.executable) == self.python:
            return sys.implementation.cache_tag
        if not os.access(self.python, os.X_OK):
            return None  # absent, or its link points to an interpreter that was removed
        said = subprocess.run(
            [str(self.python), "-E", "-s", "-c", "import sys; print(sys.implementation.cache_tag)"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return said.stdout.strip() or None


def digest(index: str) -> str:
    """Return a hash of `index`: an address may hold a password, and it need only be recognised."""
    return hashlib.sha256(index.encode()).hexdigest()


def read_or_none(path: Path) -> str | None:
    """Return the text of a file, None when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def of_this_checkout(level: str = "list") -> VenvState:
    """Return the environment of this checkout that `level` is installed in."""
    apart = level if level in needs.APART else ""
    folder = needs.ROOT / (f".venv-{apart}" if apart else ".venv")
    return VenvState(folder=folder, torch_index=os.environ.get(TORCH_INDEX) or None, apart=apart)
