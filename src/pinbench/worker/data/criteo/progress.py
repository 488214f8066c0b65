"""How far a preparation is, said on stderr: a bar on a terminal, else a line now and then."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from pinbench.base.units import MEGA

_EVERY_S = 5.0


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


class Stage:
    """One part of a preparation; any thread may tell how far it is."""

    def __init__(self, name: str, total: int | None, clock: Callable[[], float], show: Callable[["Stage"], None]):
        self.name = name
        self.total = total  # bytes, of whatever the stage goes through
        self.done = self.rows = 0
        self._skipped = self._skipped_rows = 0
        self._clock = clock
        self._show = show
        self._begin_s = clock()
        self._lock = threading.Lock()

    def advance(self, size_bytes: int, rows: int) -> None:
        """Say that so much more is done."""
        with self._lock:
            self.done += size_bytes
            self.rows += rows
            self._show(self)

    def skip(self, size_bytes: int, rows: int) -> None:
        """Say that so much was done by an earlier job: it counts, but not for the rate."""
        with self._lock:
            self._skipped += size_bytes
            self._skipped_rows += rows
        self.advance(size_bytes, rows)

    def rates(self) -> str:
        """Return the rows, how fast they and the bytes come, and for how long they still will."""
        passed_s = max(self._clock() - self._begin_s, 1e-9)
        byte_rate = (self.done - self._skipped) / passed_s
        row_rate = (self.rows - self._skipped_rows) / passed_s
        text = f"{byte_rate / MEGA:.0f} MB/s"
        if self.rows:  # some stages do not go by rows
            text = f"{self.rows:,} rows, {row_rate / MEGA:.2f} million rows/s, {text}"
        if self.total is None or byte_rate == 0:
            return text
        left_s = max(0, round((self.total - self.done) / byte_rate))
        return f"{text}, {left_s // 3600}:{left_s // 60 % 60:02}:{left_s % 60:02} left"


class Progress:
    """Lines such as ``criteo: parse 45 %, 1,234,567 rows, ...``, one in five seconds at most, or a bar."""

    def __init__(
        self,
        say: Callable[[str], None] = _to_stderr,
        clock: Callable[[], float] = time.monotonic,
        console: Console | None = None,
    ):
        self._say = say
        self._clock = clock
        self._console = console or Console(stderr=True)
        self._said_s = clock()

    def say(self, text: str) -> None:
        """Say `text` now."""
        if self._console.is_terminal:
            self._console.print(f"criteo: {text}", markup=False, highlight=False, soft_wrap=True)
        else:
            self._say(f"criteo: {text}")

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Stage]:
        """Yield a stage that goes through `total` bytes (None: nobody knows), shown until it ends."""
        if not self._console.is_terminal:
            yield Stage(name, total, self._clock, self._say_sometimes)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rates]}"),
        )
        with Bar(*columns, console=self._console) as bar:
            task = bar.add_task(name, total=total, rates="")
            yield Stage(
                name,
                total,
                self._clock,
                lambda stage: bar.update(task, completed=stage.done, rates=stage.rates()),
            )

    def _say_sometimes(self, stage: Stage) -> None:
        now_s = self._clock()
        if now_s - self._said_s < _EVERY_S:
            return
        self._said_s = now_s
        share = "" if not stage.total else f" {stage.done / stage.total:.0%}"
        self.say(f"{stage.name}{share}, {stage.rates()}")
