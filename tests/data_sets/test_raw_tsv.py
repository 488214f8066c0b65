import gzip

import numpy as np
import pytest

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.raw_tsv import RawFile


def lines(count):
    return b"".join(b"%d\t" % (i % 2) + b"%d\t" % i * 13 + b"\t".join([b"%08x" % i] * 26) + b"\n" for i in range(count))


def read(path, block_bytes=1 << 20):
    with RawFile(path, block_bytes) as raw:
        return [block.dense_BI[:, 0] for block in raw.blocks()]


def write(tmp_path, data, name="day_0"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("block_bytes", [300, 4096, 1 << 20])
def test_rows_come_in_order_whatever_the_block(tmp_path, pack, block_bytes):
    blocks = read(write(tmp_path, pack(lines(100))), block_bytes)
    assert np.concatenate(blocks).tolist() == list(range(100))
    assert (len(blocks) == 1) == (block_bytes == 1 << 20)


def test_windows_line_ends_and_a_missing_last_newline_change_nothing(tmp_path):
    path = write(tmp_path, lines(7).replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    assert np.concatenate(read(path, 700)).tolist() == list(range(7))


def test_gzip_files_in_several_members_are_read_to_the_end(tmp_path):
    path = write(tmp_path, gzip.compress(lines(3)) + gzip.compress(lines(2)))
    assert np.concatenate(read(path)).tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize("block_bytes", [300, 1 << 20])
def test_a_bad_row_is_named_by_file_and_line(tmp_path, block_bytes):
    path = write(tmp_path, lines(20) + b"oops\n" + lines(2))
    with pytest.raises(DataError, match=r"day_0, line 21: 1 tab-separated fields instead of 40"):
        read(path, block_bytes)


def test_a_truncated_gzip_file_is_named(tmp_path):
    hashes = np.random.default_rng(0).integers(0, 1 << 32, (200, 26)).tolist()
    rows = b"".join(b"0" + b"\t1" * 13 + b"".join(b"\t%08x" % value for value in row) + b"\n" for row in hashes)
    path = write(tmp_path, gzip.compress(rows)[:-4000], "day_0.gz")
    with pytest.raises(DataError, match=r"day_0\.gz is truncated: its gzip stream ends early"):
        read(path, 4096)


def test_a_damaged_gzip_file_is_named(tmp_path):
    data = bytearray(gzip.compress(lines(500)))
    data[-6] ^= 0xFF  # within the checksum of the trailer, RFC 1952 section 2.3.1
    with pytest.raises(DataError, match=r"day_0\.gz is damaged: CRC check failed"):
        read(write(tmp_path, bytes(data), "day_0.gz"))


def test_a_gzip_file_of_nothing_has_no_rows(tmp_path):
    with pytest.raises(DataError, match=r"day_0\.gz holds no rows"):
        read(write(tmp_path, gzip.compress(b""), "day_0.gz"))


def test_a_file_that_ends_within_a_row_is_truncated(tmp_path):
    with pytest.raises(DataError, match="day_0 is truncated: it ends within a row"):
        read(write(tmp_path, lines(5)[:-3]))


def test_a_binary_file_is_refused_before_it_fills_the_memory(tmp_path):
    with pytest.raises(DataError, match=r"a line is longer than 64\.0 KiB; not Criteo TSV"):
        read(write(tmp_path, bytes(1 << 20)), 1 << 17)


def test_absent_empty_and_odd_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere: No such file or directory"):
        RawFile(tmp_path / "nowhere")
    with pytest.raises(DataError, match="day_0 is empty"):
        RawFile(write(tmp_path, b""))
    with pytest.raises(DataError, match="is not a file; give the raw files themselves"):
        RawFile(tmp_path)
