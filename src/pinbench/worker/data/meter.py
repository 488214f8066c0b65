"""How far a transfer is: a bar that is drawn anew on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from pinbench.base.units import format_bytes

_EVERY_S = {True: 0.2, False: 5.0}  # on a terminal, elsewhere
_BAR = 30


def to_stderr(line: str) -> None:
    """Say `line`."""
    sys.stderr.write(f"download: {line}\n")


class Meter:
    """Says how much of one file is there, how fast it comes and how long the rest will take."""

    def __init__(self, name: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic):
        self._name = name
        self._stream = stream or sys.stderr
        self._clock = clock
        self._is_terminal = self._stream.isatty()
        self._begin_bytes = 0
        self._total_bytes: int | None = None
        self._begin_s = self._said_s = clock()

    def start(self, done_bytes: int, total_bytes: int | None) -> None:
        """Begin to measure, with `done_bytes` that were there before."""
        self._begin_bytes, self._total_bytes = done_bytes, total_bytes
        self._begin_s = self._said_s = self._clock()

    def update(self, done_bytes: int) -> None:
        """Say how far it is, unless that was said just now."""
        now_s = self._clock()
        if now_s - self._said_s < _EVERY_S[self._is_terminal]:
            return
        self._said_s = now_s
        text = f"download: {self._text(done_bytes, now_s - self._begin_s)}"
        self._stream.write(f"\r{text}\x1b[K" if self._is_terminal else f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line of the bar."""
        if self._is_terminal and self._said_s > self._begin_s:
            self._stream.write("\n")

    def _text(self, done_bytes: int, passed_s: float) -> str:
        per_s = (done_bytes - self._begin_bytes) / passed_s
        if self._total_bytes is None:
            return f"{self._name} {format_bytes(done_bytes)}, {format_bytes(per_s)}/s"
        share = done_bytes / self._total_bytes
        filled = "#" * int(_BAR * share)
        bar = f"[{filled:{_BAR}}] " if self._is_terminal else ""
        left = f", {(self._total_bytes - done_bytes) / per_s:.0f} s left" if per_s else ""
        return (
            f"{self._name} {bar}{share:.0%}, {format_bytes(done_bytes)} of {format_bytes(self._total_bytes)}, "
            f"{format_bytes(per_s)}/s{left}"
        )
