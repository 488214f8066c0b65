"""The stop flag: one byte of memory that all instances see."""

import mmap
import os
from types import TracebackType

from pinbench.contract.gate import STOP_FLAG_BYTES


class StopFlag:
    """An anonymous file (memfd_create(2)) that the children map."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("pinbench-stop")
        os.ftruncate(self.fd, STOP_FLAG_BYTES)
        self._memory = mmap.mmap(self.fd, STOP_FLAG_BYTES)

    def __enter__(self) -> "StopFlag":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.close()
        os.close(self.fd)

    def raise_flag(self) -> None:
        """Tell all instances to leave the measured window."""
        self._memory[0] = 1
