import numpy as np
import pytest
from rlimit import largest_file

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.shard import (
    Dictionary,
    Shard,
    is_whole,
    narrow,
    read_dictionary,
    read_shard,
    shard_rows,
    write_shard,
)

ENTRIES = [1, 256, 300, 70_000]
ROWS = 70_001


def make_shard():
    dictionaries, columns = [], []
    for feature in range(26):
        entries = ENTRIES[feature % 4]
        keys = np.arange(entries, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(feature)
        counts = np.arange(entries, dtype=np.uint32) + 1
        dictionaries.append(Dictionary(key_D=keys, count_D=counts, missing=None if feature % 3 else entries - 1))
        columns.append(narrow(np.arange(ROWS, dtype=np.uint32) % entries, entries))
    wide = np.arange(13 * ROWS * 2, dtype=np.int32).reshape(13, -1)
    return Shard(
        label_B=(np.arange(ROWS) % 2).astype(np.uint8),
        dense_IB=wide[:, :ROWS],  # columns of a larger place, as the parser gives them
        local_FB=columns,
        dictionaries=dictionaries,
    )


def same(left, right):
    return left.dtype == right.dtype and np.array_equal(left, right)


def test_a_shard_comes_back_as_it_was_written(tmp_path):
    shard, path = make_shard(), tmp_path / "a.shard"
    write_shard(path, shard)
    back = read_shard(path)
    assert same(back.label_B, shard.label_B)
    assert same(back.dense_IB, shard.dense_IB)
    assert [column.dtype.itemsize for column in back.local_FB[:4]] == [1, 1, 2, 4]
    assert all(map(same, back.local_FB, shard.local_FB))
    for feature in range(26):
        for there in (back.dictionaries[feature], read_dictionary(path, feature)):
            assert same(there.key_D, shard.dictionaries[feature].key_D)
            assert same(there.count_D, shard.dictionaries[feature].count_D)
            assert there.missing == shard.dictionaries[feature].missing
    assert (back.rows, shard_rows(path)) == (ROWS, ROWS)
    assert [file.name for file in tmp_path.iterdir()] == ["a.shard"]


def test_a_torn_or_changed_shard_is_not_whole(tmp_path):
    path = tmp_path / "a.shard"
    assert not is_whole(path)
    write_shard(path, make_shard())
    data = path.read_bytes()
    assert is_whole(path)
    for torn in (data[:-1], data[: len(data) // 2], data[:3], b"", data + b"\0", data[:5000] + bytes(10) + data[5010:]):
        path.write_bytes(torn)
        assert not is_whole(path)


def test_a_shard_that_is_cut_off_is_named(tmp_path):
    path = tmp_path / "a.shard"
    write_shard(path, make_shard())
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(DataError, match=r"a\.shard is cut off; run the same command again with --restart"):
        read_shard(path)
    with pytest.raises(DataError, match=r"cannot read .*nowhere: No such file or directory"):
        read_shard(tmp_path / "nowhere")


def test_a_full_disk_leaves_no_part_of_a_shard(tmp_path):
    with largest_file(100_000), pytest.raises(DataError, match=r"cannot write .*a\.shard: File too large"):
        write_shard(tmp_path / "a.shard", make_shard())
    assert not list(tmp_path.iterdir())
