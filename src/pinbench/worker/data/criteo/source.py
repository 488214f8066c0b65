"""Where the rows of a preparation come from: what gives them as shards, and knows before about how many."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pinbench.worker.data.criteo.parse import ParsedInputs, RunPieces, parse_inputs
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.raw_tsv import STDIN
from pinbench.worker.data.criteo.space import estimated_rows


class Source(Protocol):
    """Days of rows."""

    @property
    def planted_auc(self) -> float | None:
        """The area under the curve that the law of made-up labels reaches; None of real ones."""
        ...

    def stamps(self) -> list[str]:
        """Return, day by day, what tells these rows from others."""
        ...

    def expected_rows(self) -> float:
        """Return about how many rows there are, those of standard input aside."""
        ...

    def shards(
        self, folder: Path, memory_bytes: int, threads: int, progress: Progress, run: RunPieces | None = None
    ) -> ParsedInputs:
        """Write the rows as shards in `folder`, but for those that are there, and return where they are.

        Raw files are parsed by `run` (None: by `threads` threads of this process).

        Raises:
            DataError: an input is damaged, or the disk is full.
        """
        ...


class RawFiles:
    """The rows of raw files, or the first `rows` of them."""

    planted_auc = None

    def __init__(self, names: Sequence[str], rows: int | None):
        self._names = names
        self._rows = rows

    def stamps(self) -> list[str]:
        """Return where each lies, its size, and when it was changed."""
        return [_stamp(name) for name in self._names]

    def expected_rows(self) -> float:
        """Return about how many rows they have, by the lines at the beginning of each."""
        rows = sum(estimated_rows(Path(name)) for name in self._names if name != STDIN)
        return rows if self._rows is None else min(rows, self._rows)

    def shards(
        self, folder: Path, memory_bytes: int, threads: int, progress: Progress, run: RunPieces | None = None
    ) -> ParsedInputs:
        """Parse them."""
        return parse_inputs(self._names, folder, self._rows, memory_bytes, threads, progress, run)


def _stamp(name: str) -> str:
    if name == STDIN:
        return STDIN
    path = Path(name)
    stat = path.stat()
    return f"{path.resolve()} ({stat.st_size} bytes, changed at {stat.st_mtime_ns})"
