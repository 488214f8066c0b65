"""The child's end of the gate."""

import json
import os
import socket
import threading
from typing import Any

from pinbench.base.errors import LaunchError
from pinbench.contract.gate import Barrier

_CHUNK_BYTES = 4096


class GateClient:
    """Tells the parent where this instance is and waits for it; see `contract.gate` for the words.

    Raises, from each method but `error`:
        LaunchError: the parent is gone.
    """

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)  # a grandchild that kept it open would hide our death from the parent
        self._socket = socket.socket(fileno=fd)
        self._sending = threading.Lock()
        self._received = b""
        self._phase = "start-up"

    def phase(self, name: str) -> None:
        """Say that the phase `name` begins: a noun that goes with "during", e.g. ``warm-up``."""
        self._phase = name
        self._say(say="phase", phase=name)

    def wait(self, barrier: Barrier) -> int:
        """Wait until all instances are at `barrier`; return the CLOCK_MONOTONIC time (ns) at which to go on."""
        self._say(say="arrived", barrier=barrier)
        while True:
            message = self._next_message()
            if message.get("say") == "open" and message.get("barrier") == barrier:
                return int(message["at_ns"])

    def reached(self) -> None:
        """Say that this instance has its steps and its duration."""
        self._say(say="reached")

    def error(self, message: str, exit_code: int) -> None:
        """Say in one line why this instance is about to exit with `exit_code`."""
        try:
            self._say(say="error", message=" ".join(message.split()), exit_code=int(exit_code))
        except LaunchError:
            return  # nobody is left to hear it; stderr.log has it

    def close(self) -> None:
        """Close this end: the parent takes it for the end of the process."""
        self._socket.close()

    def beat_every(self, period_s: float) -> None:
        """Repeat the current phase every `period_s` seconds from a thread of its own, until the process ends."""
        threading.Thread(target=self._beat, args=(period_s,), name="gate-beat", daemon=True).start()

    def _beat(self, period_s: float) -> None:
        never = threading.Event()
        while not never.wait(period_s):
            try:
                self._say(say="phase", phase=self._phase)
            except LaunchError:
                return  # the main thread meets the same end at its next word

    def _say(self, **message: Any) -> None:
        line = json.dumps(message).encode() + b"\n"
        try:
            with self._sending:
                self._socket.sendall(line)
        except OSError as error:
            raise LaunchError(f"the parent process is gone ({error.strerror})") from error

    def _next_message(self) -> dict[str, Any]:
        while b"\n" not in self._received:
            try:
                chunk = self._socket.recv(_CHUNK_BYTES)
            except OSError as error:
                raise LaunchError(f"the parent process is gone ({error.strerror})") from error
            if not chunk:
                raise LaunchError("the parent process is gone (it closed the gate)")
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
