"""A stand-in for a full disk: a limit to the size of files of this process."""

import resource
from contextlib import contextmanager


@contextmanager
def largest_file(size_bytes):
    """Let writes beyond `size_bytes` of a file fail (Python ignores the signal that comes with it)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
