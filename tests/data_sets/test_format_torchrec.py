import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from criteo_words import make_orders, make_words, write_blocks
from prepare_jobs import REFERENCE, prepare_reference_days

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import DataFormat, RowOrder
from pinbench.worker.data.criteo.form import MISSING, DayFormat, FirstSeen
from pinbench.worker.data.criteo.format import torchrec
from pinbench.worker.data.criteo.format.day_shift import day_minimum

DAY_ROWS = (40, 30, 21)
TABLES = (100_000_000, 39_000, *[30] * 24)


def days_of(values):
    return np.split(values, np.cumsum(DAY_ROWS)[:-1])


def settled(words):
    words = words.copy()
    for rows in days_of(words):
        torchrec.settle_day(rows[:, 1:14], day_minimum(rows[:, 1:14]))
    return words


def write(folder, words, is_resumed=False):
    streams = torchrec.streams("days", DAY_ROWS, False)
    writer = torchrec.open_writer(make_orders(folder, streams, DAY_ROWS, TABLES), is_resumed)
    write_blocks(writer, streams, words)
    return writer.finish()


@pytest.fixture
def made(tmp_path):
    words = make_words(91, TABLES)
    words[:40, 1:14][words[:40, 1:14] == -3] = 5  # so that the days have different minima
    return tmp_path, words, write(tmp_path, settled(words))


def test_days_are_npy_files_as_numpy_writes_them(made):
    folder, words, files = made
    for day, rows in enumerate(days_of(words)):
        dense = np.where(rows[:, 1:14] == MISSING, 0, rows[:, 1:14]).astype(np.int64)
        dense -= dense.min() - 2  # datasets/criteo.py:285
        assert dense.min() == 2
        expected = {"dense": np.log(dense.astype(np.float32)), "sparse": rows[:, 14:], "labels": rows[:, :1]}
        for part, array in expected.items():
            path = folder / f"day_{day}_{part}.npy"
            assert np.array_equal(np.load(path), array)
            np.save(folder / "again.npy", array)
            assert path.read_bytes() == (folder / "again.npy").read_bytes()
            assert dict(files)[Path(path.name)] == len(rows)
    assert len(files) == 9


def test_the_shift_is_that_of_the_day_a_row_came_from():
    dense = np.array([[MISSING, -1, 7], [-3, 0, 2_147_483_647]], np.int32)
    assert day_minimum(dense) == -3
    assert day_minimum(np.array([MISSING, 4], np.int32)) == 0
    assert day_minimum(np.array([3, 4], np.int32)) == 3
    assert day_minimum(np.array([], np.int32)) is None
    torchrec.settle_day(dense, -3)
    assert dense.tolist() == [[5, 4, 12], [2, 5, 2_147_483_647]]
    assert isinstance(torchrec, DayFormat)


def test_words_that_were_not_settled_are_our_own_mistake(tmp_path):
    with pytest.raises(AssertionError, match="without settle_day"):
        write(tmp_path, make_words(91, TABLES))


def test_splits_are_the_first_days_and_the_halves_of_the_last(made):
    folder, words, _ = made
    for split, begin, end in (("train", 0, 70), ("val", 70, 81), ("test", 81, 91)):
        reader = torchrec.open_reader(folder, split, 2**32)
        assert (reader.rows, reader.sha256) == (end - begin, None)
        rows = reader.read(0, reader.rows)
        assert rows.label_B.tolist() == words[begin:end, 0].tolist()
        part = reader.read(reader.rows - 5, reader.rows)
        assert part.label_B.tolist() == words[end - 5 : end, 0].tolist()
        assert np.array_equal(part.sparse_BF, rows.sparse_BF[-5:])
    rows = torchrec.open_reader(folder, "train").read(38, 42)  # over the border of two days
    dense = [np.load(folder / f"day_{day}_dense.npy") for day in (0, 1)]
    assert np.array_equal(rows.dense_BI, np.concatenate((dense[0][38:], dense[1][:2])))
    assert np.array_equal(rows.sparse_BF[:, 2:5], words[38:42, 16:19])


def test_ids_are_exact_where_float32_would_merge_them(made):
    folder, words, _ = made
    largest = words[45, 14]
    assert largest == 99_999_999
    assert np.float32(largest) != largest
    assert np.load(folder / "day_1_sparse.npy")[5, 0] == largest


def test_the_modulo_is_taken_when_rows_are_read(made):
    folder, words, _ = made
    reader = torchrec.open_reader(folder, "train", 1000)
    assert reader.table_rows == (1000, 1000, 1000, 1000, 1000, 3, *[1000, 1000, 63, 1000, 1000, 1000, 10, 1000, 1000],
                                 155, 4, 976, 14, *[1000] * 5, 108, 36)  # fmt: skip
    assert np.array_equal(reader.read(0, 70).sparse_BF, words[:70, 14:] % reader.table_rows)


def test_a_resumed_writer_keeps_what_is_there(made):
    folder, words, files = made
    before = {path: (folder / path).read_bytes() for path, _ in files}
    streams = torchrec.streams("days", DAY_ROWS, False)
    writer = torchrec.open_writer(make_orders(folder, streams, DAY_ROWS, TABLES), True)
    writer.write(streams[0], 35, settled(words)[35:50])
    writer.finish()
    assert {path: (folder / path).read_bytes() for path, _ in files} == before


def test_ids_count_from_two_and_rare_ones_share_one():
    assert torchrec.ids(1000, None) == FirstSeen(modulo=2**32, first_id=2, minimum=0, rare_id=1)
    assert torchrec.ids(None, 3) == FirstSeen(modulo=2**32, first_id=2, minimum=3, rare_id=1)
    with pytest.raises(UsageError, match="--frequency-limit must be at least 0, got -1"):
        torchrec.ids(None, -1)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda d: (d / "day_0_labels.npy").unlink(), r"has no day_0_labels\.npy; make it with"),
        (lambda d: (d / "day_1_dense.npy").unlink(), r"day_1_dense\.npy is missing"),
        (lambda d: np.save(d / "day_1_dense.npy", np.zeros((30, 13))), "holds float64 of shape .30, 13., not float32"),
        (lambda d: np.save(d / "day_1_dense.npy", np.zeros((9, 13), "f4")), "holds 9 rows of 13, not 30 of 13"),
        (lambda d: np.save(d / "day_1_sparse.npy", np.zeros((30, 2), "i4")), "holds 30 rows of 2, not 30 of 26"),
        (lambda d: np.save(d / "day_1_sparse.npy", np.zeros(30, "i4")), r"of shape \(30,\), not int32 of two axes"),
        (lambda d: (d / "day_1_sparse.npy").write_bytes(b"x" * 300), "is no npy file of version 1.0"),
        (lambda d: (d / "day_1_sparse.npy").write_bytes(b""), "is empty"),
        (
            lambda d: (d / "day_1_sparse.npy").write_bytes((d / "day_1_sparse.npy").read_bytes()[:-1]),
            "is truncated or damaged: 3119 bytes of data where its header says 3120",
        ),
        (lambda d: np.save(d / "day_0_labels.npy", np.full((40, 1), 7, "i4")), r"day_0_labels.npy, row 0: label 7"),
        (
            lambda d: np.save(d / "day_1_dense.npy", np.full((30, 13), np.nan, "f4")),
            r"day_1_dense\.npy, row 0: number 1 is nan",
        ),
        (
            lambda d: np.save(d / "day_1_sparse.npy", np.full((30, 26), -1, "i4")),
            r"day_1_sparse\.npy, row 0: id -1 in category 1",
        ),
    ],
)
def test_damaged_sets_say_what_and_where(made, damage, complaint):
    folder, _, _ = made
    damage(folder)
    with pytest.raises(DataError, match=complaint):
        torchrec.open_reader(folder, "train").read(0, 70)


def raw_rows(day):
    return [line.split(b"\t") for line in gzip.open(REFERENCE / f"day_{day}.gz").read().splitlines()]


def test_a_prepared_set_is_what_the_reference_computes(tmp_path):
    manifest = prepare_reference_days(
        tmp_path, format=DataFormat.TORCHREC, frequency_limit=2, max_ind_range=50, order=RowOrder.INPUT
    )
    days = [raw_rows(day) for day in range(24)]
    counts = [Counter(int(row[14 + column] or b"0", 16) for day in days for row in day) for column in range(26)]
    ids = [{} for _ in range(26)]
    for day, rows in enumerate(days):
        dense = np.array([[int(field or b"0") for field in row[1:14]] for row in rows], np.int32)
        dense -= dense.min() - 2
        assert np.array_equal(np.load(tmp_path / f"day_{day}_dense.npy"), np.log(dense.astype(np.float32)))
        sparse = np.empty((250, 26), np.int32)
        for place, row in enumerate(rows):
            for column, known in enumerate(ids):
                key = int(row[14 + column] or b"0", 16)
                is_rare = counts[column][key] < 2
                sparse[place, column] = 1 if is_rare else known.setdefault(key, 2 + len(known))
        assert np.array_equal(np.load(tmp_path / f"day_{day}_sparse.npy"), sparse)
    assert manifest.table_rows == tuple(2 + len(known) for known in ids)
    reader = torchrec.open_reader(tmp_path, "test")  # modulo what the manifest says
    assert reader.table_rows == tuple(min(2 + len(known), 50) for known in ids)
    assert np.array_equal(reader.read(0, 125).sparse_BF, sparse[125:] % np.array(reader.table_rows))


def test_a_shuffle_keeps_the_logarithm_that_a_row_had_in_its_day(tmp_path):
    prepare_reference_days(tmp_path / "input", format=DataFormat.TORCHREC, order=RowOrder.INPUT)
    prepare_reference_days(tmp_path / "mixed", format=DataFormat.TORCHREC)
    both = [torchrec.open_reader(tmp_path / name, "train").read(0, 23 * 250) for name in ("input", "mixed")]
    rows = [np.concatenate((rows.label_B[:, None], rows.dense_BI.view(np.int32), rows.sparse_BF), 1) for rows in both]
    assert not np.array_equal(*rows)
    assert np.array_equal(*(np.unique(each, axis=0) for each in rows))


def test_a_set_of_one_day_has_no_train(tmp_path):
    streams = torchrec.streams(None, (5,), True)
    words = make_words(5, TABLES)
    torchrec.settle_day(words[:, 1:14], day_minimum(words[:, 1:14]))
    writer = torchrec.open_writer(make_orders(tmp_path, streams, (5,), TABLES), False)
    write_blocks(writer, streams, words)
    writer.finish()
    assert (torchrec.open_reader(tmp_path, "val").rows, torchrec.open_reader(tmp_path, "test").rows) == (3, 2)
    with pytest.raises(DataError, match="has no train: day 0 is the only one"):
        torchrec.open_reader(tmp_path, "train")
