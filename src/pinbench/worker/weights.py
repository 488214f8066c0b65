"""The weight store: one contiguous block of memory for all tables, private or shared between processes.

A private store is anonymous memory that asks for transparent huge pages. A shared one is a memory file
(memfd_create(2)) that the parent made and passed on: it needs no name, no size of /dev/shm, and no cleaning up.
"""

import mmap
import os

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import ModelError
from pinbench.base.units import format_bytes

HUGE_PAGE_BYTES = 2 << 20  # PMD size on x86-64 and on arm64 with 4 KiB pages


class WeightStore:
    """A block of `size_bytes` bytes; `bytes_view` is its memory as a numpy array of bytes."""

    def __init__(self, memory: mmap.mmap, size_bytes: int) -> None:
        self._memory = memory
        self.size_bytes = size_bytes
        self.bytes_view: npt.NDArray[np.uint8] = np.frombuffer(memory, dtype=np.uint8, count=size_bytes)


def private_store(size_bytes: int) -> WeightStore:
    """Return memory of this process alone.

    Raises:
        ModelError: the kernel refuses the memory.
    """
    try:
        memory = mmap.mmap(-1, _whole_huge_pages(size_bytes), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise ModelError(f"cannot allocate {format_bytes(size_bytes)} of weights: {error.strerror}") from error
    return WeightStore(_with_huge_pages(memory), size_bytes)


def build_store(fd: int, size_bytes: int) -> WeightStore:
    """Give the shared memory file its size and return it, for this process to fill.

    Raises:
        ModelError: the kernel refuses the memory.
    """
    try:
        os.ftruncate(fd, _whole_huge_pages(size_bytes))
        memory = mmap.mmap(fd, _whole_huge_pages(size_bytes), flags=mmap.MAP_SHARED)
    except OSError as error:
        raise ModelError(f"cannot share {format_bytes(size_bytes)} of weights: {error.strerror}") from error
    return WeightStore(_with_huge_pages(memory), size_bytes)


def map_store(fd: int, size_bytes: int) -> WeightStore:
    """Return the shared memory that another instance has filled.

    Raises:
        ModelError: it has another size than this instance's model needs.
    """
    found_bytes = os.fstat(fd).st_size
    if found_bytes != _whole_huge_pages(size_bytes):
        raise ModelError(f"the shared weights have {found_bytes} bytes, this instance's model needs {size_bytes}")
    return WeightStore(_with_huge_pages(mmap.mmap(fd, found_bytes, flags=mmap.MAP_SHARED)), size_bytes)


def _whole_huge_pages(size_bytes: int) -> int:
    return -(-size_bytes // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES


def _with_huge_pages(memory: mmap.mmap) -> mmap.mmap:
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        # A kernel without transparent huge pages: the record reports what smaps shows, which is then none.
        return memory
    return memory
