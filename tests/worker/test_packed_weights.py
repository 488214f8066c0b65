"""Packed weights in shared memory: made once, by whoever comes first, and read by all."""

import os
import signal

import numpy as np
import pytest

from pinbench.base.errors import ModelError
from pinbench.worker.executable import Place
from pinbench.worker.packed_weights import HEAD_BYTES, find_or_pack, mapping_of
from pinbench.worker.weights import HUGE_PAGE_BYTES, build_store

TABLES_BYTES = 2 * HUGE_PAGE_BYTES
WEIGHTS = np.arange(10_000, dtype=np.uint32).view(np.uint8)


@pytest.fixture
def place():
    fd = os.memfd_create("test-weights")
    build_store(fd, TABLES_BYTES + HUGE_PAGE_BYTES).bytes_view[:TABLES_BYTES] = 7
    yield Place(fd=fd, begin=TABLES_BYTES, size_bytes=HUGE_PAGE_BYTES)
    os.close(fd)


def never():
    raise AssertionError("packed a second time")


def test_the_first_packs_and_the_second_reads_the_same_memory(place):
    first = find_or_pack(place, "key", lambda: WEIGHTS)
    second = find_or_pack(place, "key", never)
    assert (first.made_here, second.made_here) == (True, False)
    np.testing.assert_array_equal(first.bytes_view, WEIGHTS)
    os.pwrite(place.fd, b"\xff", TABLES_BYTES + HEAD_BYTES)  # the one copy behind both
    assert first.bytes_view[0] == second.bytes_view[0] == 0xFF


def test_the_tables_before_them_stay_as_they_are(place):
    find_or_pack(place, "key", lambda: WEIGHTS)
    assert os.pread(place.fd, TABLES_BYTES, 0) == b"\7" * TABLES_BYTES


def test_everyone_may_only_read_and_a_write_ends_the_process(place):
    for _ in range(2):
        packed = find_or_pack(place, "key", lambda: WEIGHTS)
        assert packed.mapping == "r--s /memfd:test-weights"
        assert packed.bytes_view.ctypes.data % 64 == 0
    if (child := os.fork()) == 0:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        packed.bytes_view[0] = 1
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGSEGV


def test_of_processes_that_come_at_once_one_packs(place):
    children = []
    for _ in range(4):
        if (child := os.fork()) == 0:
            packed = find_or_pack(place, "key", lambda: WEIGHTS)
            os._exit(10 + packed.made_here if np.array_equal(packed.bytes_view, WEIGHTS) else 1)
        children.append(child)
    codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    assert codes == [10, 10, 10, 11]


def test_what_a_process_left_that_ended_while_it_packed_is_packed_again(place):
    if (child := os.fork()) == 0:
        find_or_pack(place, "key", lambda: os._exit(0))
    os.waitpid(child, 0)
    assert find_or_pack(place, "key", lambda: WEIGHTS).made_here


def test_other_weights_than_this_instances_are_refused(place):
    find_or_pack(place, "those", lambda: WEIGHTS)
    with pytest.raises(ModelError, match="the packed weights of this node are those, this instance's are these"):
        find_or_pack(place, "these", never)


def test_weights_that_do_not_fit_their_place_are_refused_with_both_sizes(place):
    with pytest.raises(ModelError, match=r"have 2\.0 MiB, the shared store has room for 2\.0 MiB"):
        find_or_pack(place, "key", lambda: np.zeros(HUGE_PAGE_BYTES - HEAD_BYTES + 1, np.uint8))


def test_the_mapping_of_an_address_is_told_by_its_permissions_and_its_file(tmp_path):
    (tmp_path / "maps").write_text(
        "7f0000000000-7f0000001000 rw-p 00000000 00:00 0\n"
        "7f0000001000-7f0000003000 r--s 00200000 00:01 3085       /memfd:pinbench-weights-0 (deleted)\n"
    )
    assert mapping_of(0x7F0000001000, tmp_path / "maps") == "r--s /memfd:pinbench-weights-0"
    assert mapping_of(0x7F0000002FFF, tmp_path / "maps") == "r--s /memfd:pinbench-weights-0"
    assert mapping_of(0x7F0000000FFF, tmp_path / "maps") == "rw-p"
    with pytest.raises(ModelError, match="nothing is mapped at 0x7f0000003000"):
        mapping_of(0x7F0000003000, tmp_path / "maps")
