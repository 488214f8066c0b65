import gzip
import os

import pytest
from criteo_rows import line, lines

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.raw_tsv import (
    LINE_BYTES,
    count_lines,
    file_size,
    is_gzip,
    line_start,
    open_packed,
    open_plain,
    open_stdin,
    whole_lines,
)
from pinbench.worker.data.criteo.read_ahead import blocks_ahead
from pinbench.worker.data.criteo.tsv_kernel import PAD_BYTES


def write(tmp_path, data, name="day_0"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def blocks(path, size=4 * LINE_BYTES, begin=0, end=None):
    found = []
    opened = open_packed(path) if is_gzip(path) else open_plain(path, begin, end or file_size(path))
    with opened as text:
        for block in whole_lines(text, str(path), lambda: bytearray(b"\xff" * size)):
            filled = block.buffer.rstrip(b"\xff")
            assert filled.endswith(bytes(PAD_BYTES))
            found.append(bytes(block.buffer[: block.end]))
        assert text.done_bytes > 0
    return found


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("size", [LINE_BYTES * 4, LINE_BYTES * 4 + 1, 1 << 20])
def test_blocks_hold_whole_lines_that_make_the_text(tmp_path, pack, size):
    text = lines(3000)
    found = blocks(write(tmp_path, pack(text)), size)
    assert b"".join(found) == text
    assert all(block.endswith(b"\n") for block in found)
    assert (len(found) == 1) == (size == 1 << 20)


@pytest.mark.parametrize("more", [-1, 0, 1, PAD_BYTES])
def test_a_text_that_just_fills_the_buffer_loses_nothing(tmp_path, more):
    size = 4 * LINE_BYTES
    text = lines(2000)
    text = text[: text.rindex(b"\n", 0, size - PAD_BYTES + more) + 1]
    text += b"x" * (size - PAD_BYTES + more - len(text) - 1) + b"\n"
    assert len(text) == size - PAD_BYTES + more
    assert b"".join(blocks(write(tmp_path, text), size)) == text


def test_a_missing_last_newline_is_added(tmp_path):
    assert blocks(write(tmp_path, line() + b"\n" + line())) == [line() + b"\n" + line() + b"\n"]


def test_a_file_that_ends_within_a_row_is_truncated(tmp_path):
    path = write(tmp_path, line() + b"\n" + line()[:-3])
    with pytest.raises(DataError, match=r"day_0 is truncated: it ends within a row, after b'00000'; fetch it again"):
        blocks(path)


def test_gzip_files_in_several_members_are_read_to_the_end(tmp_path):
    path = write(tmp_path, gzip.compress(lines(3)) + gzip.compress(b"") + gzip.compress(lines(2, first=3)))
    assert b"".join(blocks(path)) == lines(5)


def test_a_truncated_gzip_file_is_named(tmp_path):
    path = write(tmp_path, gzip.compress(lines(2000))[:-4000], "day_0.gz")
    with pytest.raises(DataError, match=r"day_0\.gz is truncated: its gzip stream ends early; fetch it again"):
        blocks(path)


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        (-6, r"day_0\.gz is damaged: .*CRC.*; fetch it again"),  # RFC 1952, section 2.3.1: the checksum of the trailer
        (-2, r"day_0\.gz is damaged: .*ength.*; fetch it again"),
        (5000, r"day_0\.gz is (damaged: .*|truncated: its gzip stream ends early); fetch it again"),
    ],
)
def test_a_damaged_gzip_file_is_named(tmp_path, place, complaint):
    data = bytearray(gzip.compress(lines(2000)))
    data[place] ^= 0xFF
    with pytest.raises(DataError, match=complaint):
        blocks(write(tmp_path, bytes(data), "day_0.gz"))


def test_what_follows_the_last_member_of_a_gzip_file_is_a_fault(tmp_path):
    with pytest.raises(DataError, match=r"day_0\.gz is (damaged|truncated): "):
        blocks(write(tmp_path, gzip.compress(lines(9)) + b"rubbish", "day_0.gz"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_binary_file_is_refused_before_it_fills_the_memory(tmp_path, pack):
    path = write(tmp_path, pack(lines(2) + bytes(1 << 20) + lines(2)))
    with pytest.raises(DataError, match=r"day_0: a line is longer than 64\.0 KiB; not Criteo TSV"):
        blocks(path)


def test_absent_empty_and_odd_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*nowhere: No such file or directory"):
        file_size(tmp_path / "nowhere")
    with pytest.raises(DataError, match="day_0 is empty; fetch it again"):
        file_size(write(tmp_path, b""))
    with pytest.raises(DataError, match="is not a file; give the raw files themselves"):
        file_size(tmp_path)
    with (
        pytest.raises(DataError, match=r"cannot read .*nowhere: No such file"),
        open_plain(tmp_path / "nowhere", 0, 1),
    ):
        pass


def test_a_file_that_shrinks_while_it_is_read_is_named(tmp_path):
    path = write(tmp_path, lines(10))
    with pytest.raises(DataError, match="day_0 became shorter while it was read; start again"):
        blocks(path, end=len(lines(10)) + 1)


@pytest.mark.parametrize("offset", range(14))
def test_a_line_starts_after_each_newline(tmp_path, offset):
    path = write(tmp_path, b"abc\n\ndefgh\nij")
    starts = [0, 4, 5, 11]
    assert line_start(path, offset) == next((start for start in starts if start >= offset), 13)


def test_a_line_start_beyond_a_long_line_is_refused(tmp_path):
    path = write(tmp_path, b"\n" + b"x" * (LINE_BYTES + 1) + b"\n")
    with pytest.raises(DataError, match="a line is longer"):
        line_start(path, 2)


def test_lines_are_counted_up_to_a_byte(tmp_path):
    path = write(tmp_path, b"a\nb\n\nc")
    assert [count_lines(path, end) for end in (0, 1, 2, 4, 5, 6)] == [0, 0, 1, 2, 3, 3]


def test_blocks_ahead_are_the_same_blocks(tmp_path):
    path = write(tmp_path, gzip.compress(lines(5000)), "day_0.gz")
    with open_packed(path) as text, blocks_ahead(text, str(path), 4 * LINE_BYTES) as ahead:
        assert b"".join(bytes(block.buffer[: block.end]) for block in ahead) == lines(5000)


def test_a_fault_ahead_comes_after_the_blocks_before_it(tmp_path):
    path = write(tmp_path, gzip.compress(lines(5000))[:-9], "day_0.gz")
    seen = []
    with open_packed(path) as text, blocks_ahead(text, str(path), 4 * LINE_BYTES) as ahead:
        with pytest.raises(DataError, match="truncated"):
            seen.extend(block.end for block in ahead)
        assert sum(seen) > 3 * LINE_BYTES


def test_one_may_leave_before_all_blocks_are_read(tmp_path):
    path = write(tmp_path, gzip.compress(lines(5000)), "day_0.gz")
    with open_packed(path) as text, blocks_ahead(text, str(path), 4 * LINE_BYTES) as ahead:
        assert next(ahead).end > 0


@pytest.fixture
def stdin():
    """The writing end of a pipe that is standard input for a while."""
    kept = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    yield writing
    os.dup2(kept, 0)
    os.close(kept)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input_is_plain_or_gzip(stdin, pack):
    data = pack(lines(20))
    os.write(stdin, data[:1])
    os.write(stdin, data[1:])
    os.close(stdin)
    with open_stdin(lambda: None) as text:
        (block,) = list(whole_lines(text, "standard input", lambda: bytearray(4 * LINE_BYTES)))
        assert bytes(block.buffer[: block.end]) == lines(20)
        assert text.done_bytes == len(data)


def test_waiting_for_standard_input_can_be_stopped(stdin):
    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), open_stdin(stopped):
        pass
    os.close(stdin)
