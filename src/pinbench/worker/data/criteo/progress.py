"""How far a preparation is, said on stderr now and then."""

import sys
import time
from collections.abc import Callable

_EVERY_S = 5.0


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


class Progress:
    """Lines such as ``criteo: day_3.gz 45 %, 1,234,567 rows, 0.31 million rows/s``, one in five seconds at most."""

    def __init__(self, say: Callable[[str], None] = _to_stderr, clock: Callable[[], float] = time.monotonic):
        self._say = say
        self._clock = clock
        self._begin_s = self._said_s = clock()

    def say(self, text: str) -> None:
        """Say `text` now."""
        self._say(f"criteo: {text}")

    def update(self, name: str, share: float, rows: int) -> None:
        """Say how much of the file `name` is done, and of all files how many rows, unless that was said just now."""
        now_s = self._clock()
        if now_s - self._said_s < _EVERY_S:
            return
        self._said_s = now_s
        rate = rows / (now_s - self._begin_s) / 1e6
        self.say(f"{name} {share:.0%}, {rows:,} rows, {rate:.2f} million rows/s")
