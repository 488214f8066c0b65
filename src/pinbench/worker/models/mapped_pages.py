"""Gives back the pages of a mapped file once their content has been copied elsewhere.

The kernel would take them back by itself when memory runs short, but until then they count as this process's memory.
"""

import ctypes
import mmap

from torch import Tensor

_libc = ctypes.CDLL(None, use_errno=True)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def drop_pages(mapped: Tensor) -> None:
    """Unmap the pages that lie wholly in `mapped`; who reads it again reads them again, from the page cache or disk.

    Only for a tensor over a file that nobody has written to: of any other memory this would destroy the content
    (madvise(2), MADV_DONTNEED).
    """
    begin = -(-mapped.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    end = (mapped.data_ptr() + mapped.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if end > begin:
        _libc.madvise(begin, end - begin, mmap.MADV_DONTNEED)
