"""The parent's end of the line to one child: JSON objects, one a line (see `contract.gate`)."""

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pinbench.base.errors import LaunchError

_CHUNK_BYTES = 1 << 16


class Channel:
    """A socket pair whose other end, `child_fd`, goes to a child."""

    def __init__(self) -> None:
        self._mine, self._childs = socket.socketpair()
        self._mine.setblocking(False)
        self._received = b""
        self.is_closed = False  # the other end is gone

    @property
    def child_fd(self) -> int:
        """The end to pass to the child."""
        return self._childs.fileno()

    def fileno(self) -> int:
        """Return the descriptor that is readable when the child has said something or is gone."""
        return self._mine.fileno()

    def release_child_end(self) -> None:
        """Forget the child's end once the child has it: an end of file then means its death."""
        self._childs.close()

    def receive(self) -> list[dict[str, Any]]:
        """Return all that the child has said since the last call.

        Raises:
            LaunchError: a line is not a JSON object.
        """
        self._read_all()
        *lines, self._received = self._received.split(b"\n")
        return [_parse(line) for line in lines]

    def send(self, message: Mapping[str, Any]) -> None:
        """Say `message`; a child that is gone is noticed by its end of file, not here."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._mine.sendall(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """Close both ends."""
        self._mine.close()
        self._childs.close()

    def _read_all(self) -> None:
        while not self.is_closed:
            try:
                chunk = self._mine.recv(_CHUNK_BYTES)
            except BlockingIOError:
                return
            except ConnectionResetError:
                chunk = b""
            self._received += chunk
            self.is_closed = not chunk


def _parse(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError as error:
        raise LaunchError(f"the gate received {line[:80]!r}, which is not JSON") from error
    if not isinstance(message, dict):
        raise LaunchError(f"the gate received {line[:80]!r}, which is not an object")
    return message
