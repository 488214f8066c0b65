import os
import re
from pathlib import Path

import numpy as np
import pytest

from pinbench.base.errors import ModelError
from pinbench.base.units import MIB
from pinbench.worker import weights
from pinbench.worker.weights import HUGE_PAGE_BYTES, build_store, map_store, private_store


def collapses():
    """Whether the kernel may have huge pages for shared memory and gives them when asked: MADV_COLLAPSE, Linux 6.1."""
    pages = Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
    version = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    return version >= (6, 1) and pages.exists() and "[deny]" not in pages.read_text()


def shared_huge_bytes():
    """Return this process's shared memory on huge pages (proc_pid_smaps(5))."""
    return 1024 * int(re.search(r"^ShmemPmdMapped:\s+(\d+) kB$", Path("/proc/self/smaps_rollup").read_text(), re.M)[1])


@pytest.fixture
def memory_fd():
    fd = os.memfd_create("test-weights")
    yield fd
    os.close(fd)


def test_what_the_builder_writes_is_what_the_others_read(memory_fd):
    built = build_store(memory_fd, 1000)
    built.bytes_view[:] = np.arange(1000) % 251
    mapped = map_store(memory_fd, 1000)
    np.testing.assert_array_equal(mapped.bytes_view, np.arange(1000) % 251)
    built.bytes_view[7] = 99
    assert mapped.bytes_view[7] == 99  # the same memory, not a copy


def test_a_store_of_another_size_than_the_model_needs_is_refused(memory_fd):
    build_store(memory_fd, HUGE_PAGE_BYTES)
    with pytest.raises(ModelError, match=f"have {HUGE_PAGE_BYTES} bytes, this instance's model needs"):
        map_store(memory_fd, HUGE_PAGE_BYTES + 1)


def test_a_private_store_starts_on_a_huge_page_and_can_be_written():
    store = private_store(5_000_000)
    store.bytes_view[-1] = 1
    assert len(store.bytes_view) == 5_000_000
    assert store.bytes_view.ctypes.data % HUGE_PAGE_BYTES == 0


def test_a_shared_store_is_collapsed_in_pieces_between_which_a_signal_can_end_the_process(memory_fd, monkeypatch):
    pieces = []
    monkeypatch.setattr(weights, "_advise", lambda address, size_bytes, _: pieces.append((address, size_bytes)))
    store = build_store(memory_fd, 150 * MIB)
    first = store.bytes_view.ctypes.data
    assert pieces == [(first, 64 * MIB), (first + 64 * MIB, 64 * MIB), (first + 128 * MIB, 22 * MIB)]


@pytest.mark.skipif(not collapses(), reason="this kernel does not collapse shared memory into huge pages")
def test_a_shared_store_lies_on_huge_pages_whatever_the_default_for_shared_memory_is(memory_fd):
    before = shared_huge_bytes()
    store = build_store(memory_fd, 4 * HUGE_PAGE_BYTES)
    store.bytes_view[:] = 1
    assert shared_huge_bytes() - before == 4 * HUGE_PAGE_BYTES


def test_memory_that_the_kernel_refuses_is_an_error_with_its_size():
    with pytest.raises(ModelError, match=r"cannot allocate 4096\.0 TiB of weights"):
        private_store(1 << 52)
