"""Which numbered pieces of a work are done, kept in a file.

A mark is made when the piece's data were handed to the operating system, not when they are on the disk: waiting for
that would cost the speed of the work. A killed process loses nothing thereby; a machine that stopped may, so marks of
before its last start do not count.
"""

from pathlib import Path

import numpy as np

from pinbench.base.errors import DataError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Journal:
    """Marks of the pieces 0, 1, ... of a work that `plan` describes; marks of another plan do not count."""

    def __init__(self, path: Path, plan: str, pieces: int):
        """Open `path`, or begin it.

        Raises:
            DataError: it cannot be written.
        """
        head = f"{_boot_id()} {plan}\n".encode()
        try:
            if not path.exists() or not _begins_with(path, head, len(head) + pieces):
                path.write_bytes(head + bytes(pieces))
            self._marks = np.memmap(path, np.uint8, mode="r+", offset=len(head)) if pieces else np.zeros(0, np.uint8)
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error

    def mark(self, piece: int) -> None:
        """State that `piece` is done."""
        self._marks[piece] = 1

    def pending(self) -> list[int]:
        """Return the pieces that are not done."""
        return [int(piece) for piece in np.flatnonzero(self._marks == 0)]


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def _begins_with(path: Path, head: bytes, size_bytes: int) -> bool:
    with path.open("rb") as file:
        return path.stat().st_size == size_bytes and file.read(len(head)) == head
