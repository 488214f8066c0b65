"""A named pipe that gives the logs of a run as a tar file, to each who reads it, as soon as they are complete.

``docker exec ID cat /export-logs | tar xf - -C DIR`` is how they leave a container: it needs no mount and works
through a remote engine, and a reader that comes early waits. fifo(7): opening blocks until the other end is there.
"""

import os
import tarfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_MODE = 0o644
_TICK_S = 0.05


class ExportPipe:
    """Feeds the pipe at `path` from a thread that sleeps until a reader comes; the run's own thread has no part in it.

    As soon as a reader has opened the pipe, another one takes its place: on one pipe two readers would share the
    bytes, and each get a torn half. Only two that open it before `start` has been called share it for good.
    """

    def __init__(self, path: Path, write: Callable[[int], None]) -> None:
        """`write` puts the whole archive into a descriptor; it is called in a thread, once for each reader."""
        self._path = path
        self._write = write
        self._complete = threading.Event()
        self._readers = 0  # attached, and not yet served
        self._served = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Wait for readers from now on.

        Raises:
            OSError: the pipe cannot be made.
        """
        if not self._path.is_fifo():
            os.mkfifo(self._path, _MODE)
        threading.Thread(target=self._attend, name="export", daemon=True).start()

    def release(self) -> None:
        """Let readers have the archive: it will not change any more."""
        self._complete.set()

    def await_readers(self, *, first_s: float, all_s: float) -> None:
        """Return when every reader that is there has been served, `all_s` at the most.

        Where none has come yet, the first one has `first_s` to do so.
        """
        begin = time.monotonic()
        while (passed_s := time.monotonic() - begin) < all_s:
            with self._lock:
                readers, served = self._readers, self._served
            if not readers and (served or passed_s >= first_s):
                return
            time.sleep(_TICK_S)

    def _attend(self) -> None:
        fresh = self._path.with_name(f".{self._path.name}.next")
        while True:
            descriptor = os.open(self._path, os.O_WRONLY)  # returns when a reader has come
            with self._lock:
                self._readers += 1
            os.mkfifo(fresh, _MODE)
            os.replace(fresh, self._path)
            threading.Thread(target=self._serve, args=(descriptor,), name="reader", daemon=True).start()

    def _serve(self, descriptor: int) -> None:
        self._complete.wait()
        try:
            with suppress(BrokenPipeError):  # the reader has gone
                self._write(descriptor)
        finally:
            with suppress(OSError):
                os.close(descriptor)
            with self._lock:
                self._readers -= 1
                self._served += 1


def write_archive(descriptor: int, folder: Path, first: Path, last: Path) -> None:
    """Write a tar archive of `folder` into `descriptor`, with two files beside its content at the top.

    Args:
        descriptor: a pipe, so nothing is ever read back or sought.
        folder: need not be there.
        first: is the first member: the console's log.
        last: is the last member: who has it, has all.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    with os.fdopen(descriptor, "wb", closefd=False) as pipe, tarfile.open(fileobj=pipe, mode="w|") as archive:
        archive.add(first, first.name)
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                archive.add(path, path.name)
        archive.add(last, last.name)
