"""The gate: where each instance stands, and when a barrier opens. No sockets and no clock of its own.

All instances pass the barriers of `contract.gate` in their order; a barrier opens when all have arrived.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pinbench.base.errors import LaunchError
from pinbench.contract.gate import Barrier


@dataclass(slots=True, kw_only=True)
class Standing:
    """Where one instance is."""

    heard_ns: int  # when it last said something
    phase: str = "start-up"
    has_spoken: bool = False
    arrived: Barrier | None = None
    has_reached: bool = False
    error: str | None = None  # the reason, in its own words, why it is about to exit
    exit_code: int | None = None


class Gate:
    """The instances' way through the barriers, told by what they say."""

    def __init__(self, count: int, now_ns: int) -> None:
        self.standings = [Standing(heard_ns=now_ns) for _ in range(count)]
        self._closed = list(Barrier)

    def hear(self, index: int, message: Mapping[str, Any], now_ns: int) -> None:
        """Take in what instance `index` says.

        Raises:
            LaunchError: it is not one of the words of `contract.gate`.
        """
        standing = self.standings[index]
        standing.heard_ns = now_ns
        standing.has_spoken = True
        try:
            _take_in(standing, message)
        except (KeyError, ValueError) as error:
            raise LaunchError(f"instance {index} said {dict(message)}, which the gate does not understand") from error

    def barrier_to_open(self) -> Barrier | None:
        """Return the barrier at which all instances wait."""
        if not self._closed or any(standing.arrived is not self._closed[0] for standing in self.standings):
            return None
        return self._closed[0]

    def open(self, barrier: Barrier) -> None:
        """Note that `barrier`, the one that `barrier_to_open` returned, has been opened."""
        self._closed.remove(barrier)

    @property
    def has_window_ended(self) -> bool:
        """Whether every instance has its steps and its duration."""
        return all(standing.has_reached for standing in self.standings)

    @property
    def is_done(self) -> bool:
        """Whether every instance has written its result."""
        return not self._closed


def _take_in(standing: Standing, message: Mapping[str, Any]) -> None:
    match message["say"]:
        case "phase":
            standing.phase = str(message["phase"])
        case "arrived":
            standing.arrived = Barrier(message["barrier"])
            standing.phase = f"the wait for {standing.arrived.value!r}"
        case "reached":
            standing.has_reached = True
        case "error":
            standing.error = str(message["message"])
            standing.exit_code = int(message["exit_code"])
        case other:
            raise ValueError(other)
