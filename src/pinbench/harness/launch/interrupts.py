"""Ctrl-C and its kin, taken note of and acted upon where no child can be forgotten."""

import select
import signal
import socket
import threading
import time
from types import FrameType, TracebackType
from typing import Any

_CHUNK_BYTES = 64
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Collects SIGINT, SIGTERM and SIGHUP while it is entered; `fileno` becomes readable when one comes.

    An exception thrown from a signal handler could fall between the start of a child and the note of it. A
    signal that was ignored before (nohup, a shell's background job) stays ignored. Outside the main thread,
    where Python sets no handlers, nothing is collected.
    """

    def __init__(self) -> None:
        self.caught: list[signal.Signals] = []
        self._awake, self._wake = socket.socketpair()
        self._awake.setblocking(False)
        self._wake.setblocking(False)
        self._before: dict[signal.Signals, Any] = {}
        self._wakeup_before: int | None = None

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._wakeup_before = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._wakeup_before is not None:
            signal.set_wakeup_fd(self._wakeup_before)
        self._awake.close()
        self._wake.close()

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._awake.fileno()

    def await_one(self, timeout_s: float | None) -> None:
        """Wait until a signal has come, `timeout_s` at the most (None: for ever)."""
        give_up = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.caught:
            left_s = None if give_up is None else give_up - time.monotonic()
            if left_s is not None and left_s <= 0:
                return
            select.select([self._awake], [], [], left_s)
            self.drain()

    def drain(self) -> None:
        """Empty the descriptor; other signals (SIGCHLD of a caller) wake it too."""
        try:
            while self._awake.recv(_CHUNK_BYTES):
                pass
        except BlockingIOError:
            return

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.caught.append(signal.Signals(number))
