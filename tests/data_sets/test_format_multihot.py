import zipfile
from pathlib import Path

import numpy as np
import pytest
from criteo_words import make_orders, make_words, write_blocks
from prepare_jobs import prepare_reference_days

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFormat
from pinbench.worker.data.criteo.form import DayFormat
from pinbench.worker.data.criteo.format import multihot
from pinbench.worker.data.criteo.format.day_shift import day_minimum
from pinbench.worker.data.criteo.format.random_ids import RandomIds
from pinbench.worker.data.criteo.format.stored_zip import Member, data_begins, directory, local_header

DAY_ROWS = (40, 30, 21)
TABLES = (5_000, 900, 1_000, *[150] * 23)
RANGE = 1_000


def slow_tables(num_embeddings):
    """multi_hot.py:80-113, whole tables in memory."""
    state = np.random.RandomState(0)
    tables = []
    for rows, hots in zip(num_embeddings, multihot.HOTS, strict=True):
        others = state.randint(0, rows, size=(rows, hots - 1))
        tables.append(np.concatenate((np.arange(rows)[:, None], others), axis=1).astype(np.int32))
    return tables


def orders(folder, streams):
    return make_orders(folder, streams, DAY_ROWS, TABLES, max_ind_range=RANGE)


@pytest.fixture
def words():
    words = make_words(91, TABLES)
    multihot.settle_day(words[:, 1:14], day_minimum(words[:, 1:14]))
    return words


@pytest.fixture
def made(tmp_path, words):
    streams = multihot.streams("days", DAY_ROWS, False)
    writer = multihot.open_writer(orders(tmp_path, streams), False)
    write_blocks(writer, streams, words)
    return tmp_path, words, writer.finish()


def test_each_id_becomes_those_that_the_reference_draws_for_it(made):
    folder, words, files = made
    sizes = multihot.num_embeddings(RANGE)
    assert sizes[:9] == (1000, 1000, 1000, 1000, 1000, 3, 1000, 1000, 63)
    tables = slow_tables(sizes)
    for day, rows in enumerate(np.split(words, np.cumsum(DAY_ROWS)[:-1])):
        archive = np.load(folder / f"day_{day}_sparse_multi_hot.npz")
        assert list(archive) == [str(column) for column in range(26)]
        for column, table in enumerate(tables):
            hots = archive[str(column)]
            assert hots.dtype == np.int32
            assert np.array_equal(hots, table[rows[:, 14 + column] % sizes[column]])
        assert dict(files)[Path(f"day_{day}_sparse_multi_hot.npz")] == len(rows)
    assert {path.name for path in folder.iterdir()} == {str(path) for path, _ in files}


def test_an_archive_is_what_numpy_writes_to_the_byte(made):
    folder, _, _ = made
    path = folder / "day_1_sparse_multi_hot.npz"
    with np.load(path) as archive:
        np.savez(folder / "again.npz", **dict(archive))
    assert path.read_bytes() == (folder / "again.npz").read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_archives_beyond_four_gigabytes_have_their_members_where_zip_says(tmp_path):
    members = [Member("0.npy", 3 << 30, 1), Member("1.npy", 5 << 30, 2), Member("2.npy", 10, 3)]
    begins = data_begins([member.name for member in members], [member.size_bytes for member in members])
    with (tmp_path / "large.npz").open("wb") as file:  # sparse: it takes no room
        for member, begin in zip(members, begins, strict=False):
            header = local_header(member)
            file.seek(begin - len(header))
            file.write(header)
        file.seek(begins[-1])
        file.write(directory(members))
    with zipfile.ZipFile(tmp_path / "large.npz") as archive:
        assert [(info.filename, info.file_size, info.CRC) for info in archive.infolist()] == members
        for info, begin in zip(archive.infolist(), begins, strict=False):
            archive.open(info).close()  # reads the local header
            assert info.header_offset == begin - 30 - 5 - 20


@pytest.mark.parametrize("split_rows", [("train", 0, 70), ("val", 70, 81), ("test", 81, 91)])
def test_what_is_written_is_read_back(made, split_rows):
    folder, words, _ = made
    split, begin, end = split_rows
    reader = multihot.open_reader(folder, split)
    assert (reader.rows, reader.hots) == (end - begin, multihot.HOTS)
    rows = reader.read(1, reader.rows)
    sizes = multihot.num_embeddings(RANGE)
    assert np.array_equal(rows.sparse_BF, words[begin + 1 : end, 14:] % sizes)
    tables = slow_tables(sizes)
    for column, hot_BH in enumerate(rows.hots_FBH):
        assert np.array_equal(hot_BH, tables[column][rows.sparse_BF[:, column]])
    assert rows.label_B.tolist() == words[begin + 1 : end, 0].tolist()
    small = multihot.open_reader(folder, split, 10)
    assert small.table_rows[:6] == (10, 10, 10, 10, 10, 3)
    assert np.array_equal(small.read(1, small.rows).hots_FBH[0], rows.hots_FBH[0] % 10)


def test_a_set_without_the_one_hot_files_is_read(made):
    folder, words, _ = made
    for day in range(3):
        (folder / f"day_{day}_sparse.npy").unlink()
    assert multihot.open_reader(folder, "train").read(0, 70).label_B.tolist() == words[:70, 0].tolist()


def test_a_killed_finish_goes_on_with_the_archives_that_are_missing(tmp_path, made):
    folder, words, files = made
    before = {path: (folder / path).read_bytes() for path, _ in files}
    kept = (folder / "day_0_sparse_multi_hot.npz").stat().st_mtime_ns
    (folder / "day_1_sparse_multi_hot.npz").rename(folder / "day_1_sparse_multi_hot.npz.new")
    (folder / "day_2_sparse_multi_hot.npz").unlink()
    (folder / ".multi_hot_tables.new").write_bytes(b"half")
    streams = multihot.streams("days", DAY_ROWS, False)
    writer = multihot.open_writer(orders(folder, streams), True)
    writer.write(streams[0], 0, words[:70])
    assert {path: (folder / path).read_bytes() for path, _ in writer.finish()} == before
    assert (folder / "day_0_sparse_multi_hot.npz").stat().st_mtime_ns == kept
    assert {path.name for path in folder.iterdir()} == {str(path) for path, _ in files}


def test_a_new_job_makes_all_archives_anew(made):
    folder, words, _ = made
    streams = multihot.streams("days", DAY_ROWS, False)
    writer = multihot.open_writer(orders(folder, streams), False)
    assert not list(folder.glob("*.npz"))
    changed = words.copy()
    changed[:, 14] = 7
    write_blocks(writer, streams, changed)
    writer.finish()
    assert (np.load(folder / "day_0_sparse_multi_hot.npz")["0"][:, 0] == 7).all()


@pytest.mark.parametrize("end", [1, 2, 3, 63, 64, 65, 39_060, 40_000_000, 2**31 - 1])
def test_random_ids_are_those_of_numpy_in_blocks_of_any_size(end):
    ids, expected = RandomIds(0), np.random.RandomState(0)
    for rows, hots in ((1, 1), (400, 7), (5, 3)):
        drawn = np.empty(rows * hots, np.int32)
        ids.fill(end, drawn[:1])
        ids.fill(end, drawn[1:])
        assert np.array_equal(drawn.reshape(rows, hots), expected.randint(0, end, size=(rows, hots)))


def test_integers_depend_on_the_day():
    assert isinstance(multihot, DayFormat)
    assert multihot.row_bytes() == 160 + 4 * 214


def test_a_prepared_set_says_by_what_its_tables_were_cut(tmp_path):
    manifest = prepare_reference_days(tmp_path, format=DataFormat.MULTIHOT, max_ind_range=50)
    assert manifest.max_ind_range == 50
    reader = multihot.open_reader(tmp_path, "train")
    assert (reader.rows, reader.table_rows[:6]) == (23 * 250, (50, 50, 50, 50, 50, 3))
    rows, tables = reader.read(0, reader.rows), slow_tables(reader.table_rows)
    for column in range(26):
        assert np.array_equal(rows.hots_FBH[column], tables[column][rows.sparse_BF[:, column]])


def test_a_compressed_or_foreign_archive_is_refused(made):
    folder, _, _ = made
    path = folder / "day_0_sparse_multi_hot.npz"
    with np.load(path) as archive:
        columns = dict(archive)
    np.savez_compressed(path, **columns)
    with pytest.raises(DataError, match=r"0\.npy is compressed and cannot be mapped; write it with numpy\.savez"):
        multihot.open_reader(folder, "train")
    del columns["7"]
    np.savez(path, **columns)
    with pytest.raises(DataError, match="does not hold the 26 columns 0 to 25"):
        multihot.open_reader(folder, "train")
    columns["7"] = np.full((40, 1), 2**30, np.int32)
    np.savez(path, **columns)
    with pytest.raises(DataError, match=r"row 0: id 1073741824 in category 8, which has 1543 ids"):
        multihot.open_reader(folder, "train").read(0, 70)
    path.write_bytes(b"PK")
    with pytest.raises(DataError, match=r"day_0_sparse_multi_hot\.npz is damaged"):
        multihot.open_reader(folder, "train")
