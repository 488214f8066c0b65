import numpy as np
import pytest
from criteo_jobs import quiet, raw_fields
from criteo_reference import first_seen_ids
from criteo_shards import write_shards

from pinbench.worker.data.criteo import arrange as arrange_module
from pinbench.worker.data.criteo.arrange import Arrangement, ShardPlace, arrange
from pinbench.worker.data.criteo.form import MISSING, FirstSeen, Stream
from pinbench.worker.data.criteo.identify import give_ids
from pinbench.worker.data.criteo.order import UniformOrder
from pinbench.worker.data.criteo.records import RECORD_PAIRS, group, sort_bucket
from pinbench.worker.data.criteo.segments import Segments

ROWS = 3000
FIELDS = raw_fields(ROWS, seed=9)
STREAMS = (
    Stream(split="val", begin=0, end=400, is_shuffled=False),
    Stream(split="train", begin=400, end=2600, is_shuffled=True),
    Stream(split="test", begin=2601, end=ROWS, is_shuffled=False),  # row 2600 is in none
)


class Recorder:
    """A writer that keeps all rows in memory."""

    def __init__(self):
        self.rows = {stream.split: np.full((stream.rows, 40), -7, np.int32) for stream in STREAMS}

    def write(self, stream, first_row, words):
        self.rows[stream.split][first_row : first_row + len(words)] = words
        words[:] = -9  # what a writer does with them does not matter

    def finish(self):
        return []


def expected_words():
    """Labels and ids as the reference has them, integers as they stand in the file."""
    (words,), _ = first_seen_ids([FIELDS], 1 << 32)
    for row, fields in zip(words, FIELDS, strict=True):
        row[1:14] = [int(field) if field else MISSING for field in fields[1:14]]
    return np.array(words, np.int32)


def arranged(folder, sizes, memory_bytes=1 << 20, threads=2, settle=None, seed=3):
    folder.mkdir()
    shards = write_shards(folder, FIELDS, sizes)
    ids = give_ids(FirstSeen(modulo=1 << 32), shards, folder / "ids", 1 << 20, threads, quiet())
    begins = np.concatenate([[0], np.cumsum(sizes)])
    places = [
        ShardPlace(path=path, first_row=int(begin), rows=rows, day=number)
        for number, (path, begin, rows) in enumerate(zip(shards, begins, sizes, strict=False))
    ]
    writer = Recorder()
    work = Arrangement(
        shards=places, ids=ids, streams=STREAMS, order=UniformOrder(seed), writer=writer, settle=settle,
        folder=folder, memory_bytes=memory_bytes, threads=threads,
    )  # fmt: skip
    arrange(work, quiet())
    return writer.rows


def test_rows_that_are_not_shuffled_keep_their_order_and_the_others_are_sorted_by_key(tmp_path):
    rows, words = arranged(tmp_path / "a", [1000, 1, 1499, 500]), expected_words()
    order = np.argsort(UniformOrder(3).keys(400, 2600))
    assert (rows["val"] == words[:400]).all()
    assert (rows["test"] == words[2601:]).all()
    assert (rows["train"] == words[400:2600][order]).all()


@pytest.mark.parametrize("sizes", [[ROWS], [300] * 10, [400, 2200, 400], [2601, 399]])
@pytest.mark.parametrize(("memory_bytes", "threads"), [(1, 3), (100_000, 1), (1 << 32, 2)])
def test_the_cut_of_the_shards_the_memory_and_the_threads_change_nothing(tmp_path, sizes, memory_bytes, threads):
    made = arranged(tmp_path / "a", sizes, memory_bytes, threads)
    plain = arranged(tmp_path / "b", [ROWS], 1 << 32, 1)
    assert all((made[split] == plain[split]).all() for split in plain)


def test_integers_are_settled_by_their_day_before_the_shuffle(tmp_path):
    def settle(day, dense_KI):
        dense_KI[:] = 1000 + day

    rows = arranged(tmp_path / "a", [1000, 2000], settle=settle)
    order = np.argsort(UniformOrder(3).keys(400, 2600)) + 400
    assert rows["train"][:, 1].tolist() == [1000 if row < 1000 else 1001 for row in order]
    assert set(rows["val"][:, 1:14].ravel()) == {1000}


def test_little_memory_makes_many_buckets_and_much_makes_few(tmp_path, monkeypatch):
    buckets = []
    real = Segments.__init__
    monkeypatch.setattr(Segments, "__init__", lambda *rest: (buckets.append(rest[-1]), real(*rest))[1])
    for number, memory_bytes in enumerate((1, 160_000, 1 << 32)):
        arranged(tmp_path / str(number), [ROWS], memory_bytes)
    # 2,200 rows of 184 bytes: a bucket a row; 20,000 bytes each; all in one
    assert buckets == [2200, 21, 1]


def test_large_data_are_cut_as_the_cache_likes_while_the_parts_of_a_shard_stay_large(tmp_path, monkeypatch):
    buckets = []
    real = Segments.__init__
    monkeypatch.setattr(Segments, "__init__", lambda *rest: (buckets.append(rest[-1]), real(*rest))[1])
    monkeypatch.setattr(arrange_module, "_FAST_BYTES", 20_000)
    for number, snippet_bytes in enumerate((1, 100_000)):
        monkeypatch.setattr(arrange_module, "_SNIPPET_BYTES", snippet_bytes)
        arranged(tmp_path / str(number), [ROWS], 1 << 32)
    assert buckets == [20, 3]  # 2,200 rows of 168 bytes in parts of 100,000


def test_rows_are_grouped_by_the_part_of_the_range_that_their_key_is_in():
    key_B = np.array([0, 1 << 63, (1 << 62) - 1, 3 << 62, (1 << 64) - 1, 1 << 62], np.uint64)
    begin_G, place_B = np.empty(5, np.uint32), np.empty(6, np.uint32)
    group(key_B, begin_G, place_B)
    assert begin_G.tolist() == [0, 2, 3, 4, 6]
    assert place_B.tolist() == [0, 3, 1, 4, 5, 2]


@pytest.mark.parametrize("crowded", [False, True])
def test_a_bucket_is_sorted_even_where_all_its_keys_lie_together(crowded):
    random = np.random.default_rng(1)
    buckets, bucket = 7, 3
    low, high = -(-(bucket << 64) // buckets), ((bucket + 1) << 64) // buckets - (1 << 33)
    key_B = random.integers(low, low + 500 if crowded else high, 400, dtype=np.uint64)
    key_B = np.unique(key_B)
    random.shuffle(key_B)
    record_BR = np.zeros((len(key_B), RECORD_PAIRS), np.uint64)
    record_BR[:, -1] = key_B
    sorted_B, row_B = np.empty(len(key_B), np.uint64), np.empty(len(key_B), np.uint32)
    sort_bucket(record_BR, buckets, sorted_B, row_B, np.empty(len(key_B) + 1, np.uint32))
    assert (sorted_B == np.sort(key_B)).all()
    assert (key_B[row_B] == sorted_B).all()
