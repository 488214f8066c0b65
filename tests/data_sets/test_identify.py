import threading
import time

import pytest
from criteo_jobs import quiet, raw_fields
from criteo_reference import first_seen_ids
from criteo_shards import write_shards

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo import identify
from pinbench.worker.data.criteo.form import ByCount, FirstSeen
from pinbench.worker.data.criteo.identify import give_ids
from pinbench.worker.data.criteo.shard import read_shard

FIELDS = raw_fields(900, seed=2)
ALL = FirstSeen(modulo=1 << 32)


def give(tmp_path, rule=ALL, memory_bytes=1 << 30, threads=2):
    shards = write_shards(tmp_path, FIELDS, [200, 400, 300])
    return give_ids(rule, shards, tmp_path / "ids", memory_bytes, threads, quiet()), shards


def ids_of_rows(ids, shards):
    """The 26 ids of each row, through the shards' own."""
    rows = []
    for number, path in enumerate(shards):
        of_entries = ids.of_shard(number)
        local = [id_D[of_column] for id_D, of_column in zip(of_entries, read_shard(path).local_FB, strict=True)]
        rows += [list(row) for row in zip(*(column.tolist() for column in local), strict=True)]
    return rows


@pytest.mark.parametrize(("memory_bytes", "threads"), [(1, 4), (1 << 30, 1), (1 << 30, 4)])
def test_each_shard_gets_the_ids_of_its_entries(tmp_path, memory_bytes, threads):
    ids, shards = give(tmp_path, memory_bytes=memory_bytes, threads=threads)
    (expected,), counts = first_seen_ids([FIELDS], 1 << 32)
    assert ids_of_rows(ids, shards) == [row[14:] for row in expected]
    assert ids.table_rows == tuple(counts)


def test_what_a_later_shard_makes_rare_or_frequent_changes_earlier_ones(tmp_path):
    ids, shards = give(tmp_path, ByCount(minimum=4))
    texts = [fields[14] for fields in FIELDS]
    kept = sorted({text for text in texts if text and texts.count(text) >= 4}, key=lambda t: (-texts.count(t), t))
    expected = [kept.index(text) + 1 if text in kept else 0 for text in texts]
    assert [row[0] for row in ids_of_rows(ids, shards)] == expected
    assert ids.table_rows[0] == len(kept) + 1


def test_columns_that_are_done_are_not_done_again(tmp_path, monkeypatch):
    first, _ = give(tmp_path)
    (tmp_path / "ids/column-7.json").unlink()
    done, real = [], identify.read_dictionary
    monkeypatch.setattr(identify, "read_dictionary", lambda path, column: (done.append(column), real(path, column))[1])
    again, _ = give(tmp_path)
    assert done == [7, 7, 7]
    assert again.table_rows == first.table_rows


def test_only_as_many_columns_are_at_work_as_fit_the_memory(tmp_path, monkeypatch):
    at_work, most, lock, real = [0], [0], threading.Lock(), identify.read_dictionary

    def slow(path, column):
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        deadline = time.perf_counter() + 0.001
        while time.perf_counter() < deadline:
            pass
        with lock:
            at_work[0] -= 1
        return real(path, column)

    monkeypatch.setattr(identify, "read_dictionary", slow)
    give(tmp_path, memory_bytes=1, threads=8)
    assert most[0] == 1


def test_an_error_in_one_column_ends_all(tmp_path, monkeypatch):
    def broken(path, column):
        raise DataError("0.shard is cut off")

    monkeypatch.setattr(identify, "read_dictionary", broken)
    with pytest.raises(DataError, match=r"0\.shard is cut off"):
        give(tmp_path, memory_bytes=1, threads=8)
