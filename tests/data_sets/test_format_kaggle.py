import numpy as np
import pytest
from criteo_jobs import contents, do, raw_fields, write_raw
from criteo_reference import first_seen_ids
from real_rows import REAL, needs_real_rows

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import Assignment, DataFormat, RowOrder
from pinbench.worker.data.criteo.format import kaggle

FILE = "kaggleAdDisplayChallenge_processed.npz"


def prepared(tmp_path, rows=1000, **change):
    fields = raw_fields(rows, seed=8)
    raw = write_raw(tmp_path / "train.txt", fields)
    do(tmp_path / "set", [raw], format=DataFormat.KAGGLE, **change)
    (encoded,), counts = first_seen_ids([fields], change.get("max_ind_range") or 1 << 32)
    return tmp_path / "set", np.array(encoded), counts


def test_the_arrays_have_the_types_and_content_of_the_reference(tmp_path):
    directory, expected, counts = prepared(tmp_path)
    archive = np.load(directory / FILE)
    assert archive.files == ["X_cat", "X_int", "y", "counts"]
    assert {name: (archive[name].dtype.str, archive[name].shape) for name in archive.files} == {
        "X_cat": ("<f8", (1000, 26)),
        "X_int": ("<i4", (1000, 13)),
        "y": ("<i4", (1000,)),
        "counts": ("<i4", (26,)),
    }
    assert (archive["X_cat"] == expected[:, 14:]).all()
    assert (archive["X_int"] == expected[:, 1:14]).all()
    assert (archive["y"] == expected[:, 0]).all()
    assert archive["counts"].tolist() == counts
    assert sorted(contents(directory)) == [FILE, "manifest.json"]


def split_by_the_reference(rows):
    """As its loader does: seven parts, longer ones first; the last is cut in two, the first half the longer."""
    parts = np.array_split(np.arange(rows), 7)
    test, val = np.array_split(parts[-1], 2)
    return {"train": np.concatenate(parts[:-1]), "test": test, "val": val}


@pytest.mark.parametrize("rows", [14, 15, 20, 1000, 1003])
def test_each_split_is_read_back(tmp_path, rows):
    directory, expected, counts = prepared(tmp_path, rows, max_ind_range=100)
    for split, numbers in split_by_the_reference(rows).items():
        reader = kaggle.open_reader(directory, split)
        read = reader.read(0, reader.rows)
        assert np.column_stack([read.label_B, read.dense_BI, read.sparse_BF]).tolist() == expected[numbers].tolist()
        assert reader.table_rows == tuple(counts)
    part = kaggle.open_reader(directory, "train").read(3, 5)
    assert (part.label_B == expected[3:5, 0]).all()


def test_an_archive_of_the_reference_is_packed_and_read_nevertheless(tmp_path):
    directory, expected, _ = prepared(tmp_path)
    with np.load(directory / FILE) as archive:
        arrays = dict(archive)
    (tmp_path / "theirs").mkdir()
    np.savez_compressed(tmp_path / "theirs" / FILE, **arrays)
    reader = kaggle.open_reader(tmp_path / "theirs", "train")
    assert reader.sha256 is None
    assert (reader.read(10, 20).sparse_BF == expected[10:20, 14:]).all()


def test_threads_and_memory_change_nothing(tmp_path):
    raw = write_raw(tmp_path / "train.txt", raw_fields(9000))
    for name, change in (("a", {"threads": 1}), ("b", {"threads": 3, "memory_bytes": 1})):
        do(tmp_path / name, [raw], format=DataFormat.KAGGLE, **change)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_changed_byte_is_found(tmp_path):
    directory, _, _ = prepared(tmp_path)
    data = bytearray((directory / FILE).read_bytes())
    data[5000] ^= 1
    (directory / FILE).write_bytes(data)
    with pytest.raises(DataError, match="is damaged within bytes 0 to"):
        kaggle.open_reader(directory, "train").read(0, 10)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("y", np.zeros(1000), "y is float64"),
        ("X_cat", np.zeros((1000, 25)), r"X_cat is float64 of shape \(1000, 25\)"),
        ("y", np.zeros(999, np.int32), "its arrays do not have the same rows"),
        ("X_int", np.full((1000, 13), -1, np.int32), "row 0: a label, integer or id is out of range"),
        ("X_cat", np.full((1000, 26), 1e6), "row 0: a label, integer or id is out of range"),
    ],
)
def test_an_archive_of_another_form_is_refused(tmp_path, name, value, complaint):
    directory, _, _ = prepared(tmp_path)
    with np.load(directory / FILE) as archive:
        arrays = dict(archive)
    (tmp_path / "other").mkdir()
    np.savez(tmp_path / "other" / FILE, **(arrays | {name: value}))
    with pytest.raises(DataError, match=complaint):
        kaggle.open_reader(tmp_path / "other", "train").read(0, 1)


def test_a_damaged_or_absent_archive_is_refused(tmp_path):
    with pytest.raises(DataError, match="make it with: pinbench data criteo --format kaggle"):
        kaggle.open_reader(tmp_path, "test")
    (tmp_path / FILE).write_bytes(b"PK junk")
    with pytest.raises(DataError, match="is damaged or of another form"):
        kaggle.open_reader(tmp_path, "test")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"assignment": Assignment.TRAIN}, "--split train does not go with the kaggle format"),
        ({"order": RowOrder.UNIFORM}, "--shuffle uniform has nothing to do"),
        ({"order": RowOrder.REFERENCE}, "--shuffle reference has nothing to do"),
        ({"frequency_limit": 9}, "--frequency-limit 9 does not go with the kaggle format"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path, change, complaint):
    with pytest.raises(UsageError, match=complaint):
        prepared(tmp_path, 20, **change)


@needs_real_rows
def test_real_rows(tmp_path):
    do(tmp_path, [REAL], format=DataFormat.KAGGLE)
    fields = [line.split("\t") for line in REAL.read_text().splitlines()]
    (encoded,), counts = first_seen_ids([fields], 1 << 32)
    with np.load(tmp_path / FILE) as archive:
        read = np.column_stack([archive["y"], archive["X_int"], archive["X_cat"]])
        assert archive["counts"].tolist() == counts
    assert read.tolist() == encoded
