"""The weight store: one contiguous block of memory for all tables, private or shared between processes.

A private store is anonymous memory. A shared one is a memory file (memfd_create(2)) that the parent made and passed
on: it needs no name, no size of /dev/shm, and no cleaning up. Both ask for huge pages, without which most lookups
miss the TLB; the record says how much memory really lies on them.
"""

import ctypes
import mmap
import os

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import ModelError
from pinbench.base.units import format_bytes, round_up

HUGE_PAGE_BYTES = 2 << 20  # PMD size on x86-64 and on arm64 with 4 KiB pages

# Of one call of madvise: until it returns nothing ends the process, not even SIGKILL, and gigabytes take seconds.
_COLLAPSED_BYTES = 32 * HUGE_PAGE_BYTES

_MADV_COLLAPSE = 25  # include/uapi/asm-generic/mman-common.h, since Linux 6.1; Python 3.11 has no names for these
_PROT_NONE = 0
_MAP_FIXED = 0x10
_MAP_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
)  # fmt: skip
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class WeightStore:
    """A block of memory that stays until the process ends; `bytes_view` shows it as a numpy array of bytes."""

    def __init__(self, address: int, size_bytes: int) -> None:
        self.bytes_view: npt.NDArray[np.uint8] = np.ctypeslib.as_array(
            (ctypes.c_uint8 * size_bytes).from_address(address)
        )


def private_store(size_bytes: int) -> WeightStore:
    """Return memory of this process alone.

    Raises:
        ModelError: the kernel refuses the memory.
    """
    address = _map_aligned(size_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
    _advise(address, size_bytes, mmap.MADV_HUGEPAGE)
    return WeightStore(address, size_bytes)


def build_store(fd: int, size_bytes: int) -> WeightStore:
    """Give the shared memory file its size and return it, for this process to fill.

    Raises:
        ModelError: the kernel refuses the memory.
    """
    try:
        os.ftruncate(fd, _whole_huge_pages(size_bytes))
    except OSError as error:
        raise ModelError(f"cannot share {format_bytes(size_bytes)} of weights: {error.strerror}") from error
    address = _map_aligned(size_bytes, mmap.MAP_SHARED, fd)
    store = WeightStore(address, size_bytes)
    # Shared memory gets huge pages from the start only where an administrator turned shmem_enabled on; it may be
    # collapsed into them anywhere, best while nearly empty. An extent without a single page cannot be collapsed.
    store.bytes_view[::HUGE_PAGE_BYTES] = 0
    for begin in range(0, size_bytes, _COLLAPSED_BYTES):
        _advise(address + begin, min(_COLLAPSED_BYTES, size_bytes - begin), _MADV_COLLAPSE)
    return store


def map_store(fd: int, size_bytes: int) -> WeightStore:
    """Return the shared memory that another instance has filled; writing to it ends the process.

    Raises:
        ModelError: it has another size than this instance's model needs.
    """
    found_bytes = os.fstat(fd).st_size
    if found_bytes != _whole_huge_pages(size_bytes):
        raise ModelError(f"the shared weights have {found_bytes} bytes, this instance's model needs {size_bytes}")
    return map_readable(fd, 0, size_bytes)


def map_readable(fd: int, begin: int, size_bytes: int) -> WeightStore:
    """Return a part of a shared file, from a whole huge page on, to be read alone: writing to it ends the process.

    Raises:
        ModelError: the kernel refuses it.
    """
    return WeightStore(_map_aligned(size_bytes, mmap.MAP_SHARED, fd, begin, mmap.PROT_READ), size_bytes)


def _whole_huge_pages(size_bytes: int) -> int:
    return round_up(size_bytes, HUGE_PAGE_BYTES)


def _map_aligned(
    size_bytes: int, flags: int, fd: int, begin: int = 0, protection: int = mmap.PROT_READ | mmap.PROT_WRITE
) -> int:
    """Map memory whose address is a multiple of the huge page size, without which a file gets no huge pages."""
    length = _whole_huge_pages(size_bytes)
    anonymous = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    reserved = _map(None, length + HUGE_PAGE_BYTES, _PROT_NONE, anonymous, -1)
    return _map(_whole_huge_pages(reserved), length, protection, flags | _MAP_FIXED, fd, begin)


def _map(address: int | None, length: int, protection: int, flags: int, fd: int, begin: int = 0) -> int:
    mapped = _libc.mmap(address, length, protection, flags, fd, begin)
    if mapped == _MAP_FAILED:
        reason = os.strerror(ctypes.get_errno())
        raise ModelError(f"cannot allocate {format_bytes(length)} of weights: {reason}")
    return int(mapped)


def _advise(address: int, size_bytes: int, advice: int) -> None:
    """Ask for huge pages; where the kernel has none to give, the record shows it by their share."""
    _libc.madvise(address, _whole_huge_pages(size_bytes), advice)
