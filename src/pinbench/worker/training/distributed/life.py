"""Which ranks are alive: each counts up a number of its own in the store, and looks at those of the others.

What a broken connection says is that some rank is gone, seldom which one. A rank that knows why it ends, or has found
out which other one is gone, says so in the store, and all the others tell the same.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from pinbench.base.errors import LaunchError

BEAT_S = 0.5
SILENCE_S = 30.0  # nothing is known to be wrong: a host may be too busy for a beat for some seconds
SILENCE_AFTER_FAULT_S = 5.0  # an exchange has failed, so someone is gone
_GRACE_S = 1.0  # before a rank tells of another one's end: who started that one on this host knows more
_FAULT = "fault"


class Store(Protocol):
    """What is used of PyTorch's stores."""

    def add(self, key: str, amount: int, /) -> int:
        """Add to a counter, and return what it is then."""
        ...

    def compare_set(self, key: str, expected: str, desired: str, /) -> bytes:
        """Set what is not yet set."""
        ...

    def check(self, keys: list[str], /) -> bool:
        """Whether all keys are set."""
        ...

    def get(self, key: str, /) -> bytes:
        """Return a value that is set."""
        ...


class Life:
    """The beats of all ranks, as this one sees them. The store is one that nobody else uses."""

    def __init__(
        self, store: Store, rank: int, names: Sequence[str], host: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Watch the ranks with the names `names`; `host` is the name of who keeps the store."""
        self._store = store
        self._rank = rank
        self._names = names
        self._host = host
        self._clock = clock
        self._beats = [0] * len(names)
        self._heard = [clock()] * len(names)
        self._fault: str | None = None
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="rank-beat", daemon=True)

    def begin(self) -> None:
        """Beat from now on."""
        self._thread.start()

    def require(self) -> None:
        """Do nothing as long as nothing is known to be wrong.

        Raises:
            LaunchError: names the rank that is gone, or says what a rank has told of its end.
        """
        if self._fault is None and (silent := self._silent(SILENCE_S)):
            self._tell(silent)
        if self._fault is not None:
            time.sleep(_GRACE_S)
            raise LaunchError(self._fault)

    def explain(self, error: Exception) -> LaunchError:
        """Return why an exchange has failed with `error`, after the time that this takes to become clear."""
        deadline = self._clock() + SILENCE_AFTER_FAULT_S + 2 * BEAT_S
        time.sleep(_GRACE_S)
        while self._fault is None and self._clock() < deadline:
            if silent := self._silent(SILENCE_AFTER_FAULT_S):
                self._tell(silent)
            time.sleep(BEAT_S / 2)
        if self._fault is not None:
            return LaunchError(self._fault)
        reason = " ".join(str(error).split())
        return LaunchError(f"ranks could not exchange tensors although all of them are alive: {reason}")

    def tell(self, fault: str) -> None:
        """Let all ranks know why the training ends; the first to tell is believed."""
        try:
            with self._lock:
                self._fault = self._store.compare_set(_FAULT, "", fault).decode()
        except RuntimeError:
            self._fault = self._fault or fault  # the store is gone, and those who would read it notice that

    def end(self) -> None:
        """Beat no more."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _tell(self, silent: Sequence[int]) -> None:
        names = " and ".join(self._names[rank] for rank in silent)
        self.tell(f"{names} {'has' if len(silent) == 1 else 'have'} ended or lost the connection: no sign of life")

    def _silent(self, limit_s: float) -> list[int]:
        now = self._clock()
        return [rank for rank, at in enumerate(self._heard) if rank != self._rank and now - at > limit_s]

    def _beat(self) -> None:
        while not self._is_over.wait(BEAT_S):
            try:
                self._look()
            except RuntimeError:
                self._fault = self._fault or f"{self._host} has ended or lost the connection: its store is gone"
                return

    def _look(self) -> None:
        with self._lock:
            self._store.add(f"beat/{self._rank}", 1)
            beats = [self._store.add(f"beat/{rank}", 0) for rank in range(len(self._names))]
            if self._fault is None and self._store.check([_FAULT]):
                self._fault = self._store.get(_FAULT).decode()
        now = self._clock()
        for rank, beat in enumerate(beats):
            if beat != self._beats[rank]:
                self._beats[rank], self._heard[rank] = beat, now
