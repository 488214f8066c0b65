import gzip

import pytest
from criteo_rows import lines

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.raw_tsv import LINE_BYTES, open_packed
from pinbench.worker.data.criteo.read_ahead import blocks_ahead


def write(tmp_path, data, name):
    path = tmp_path / name
    path.write_bytes(data)
    return path


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
