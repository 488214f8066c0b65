import os

import numpy as np
import pytest

from pinbench.base.errors import ModelError
from pinbench.worker.weights import HUGE_PAGE_BYTES, build_store, map_store, private_store


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


def test_memory_that_the_kernel_refuses_is_an_error_with_its_size():
    with pytest.raises(ModelError, match=r"cannot allocate 4096\.0 TiB of weights"):
        private_store(1 << 52)
