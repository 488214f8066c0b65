import shutil
from pathlib import Path

import numpy as np
import pytest
from criteo_sets import flip, write_manifest, write_mlperf

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFormat
from pinbench.worker.data.criteo.counts import read_counts, write_counts
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile

REFERENCE = Path(__file__).parents[1] / "data/criteo/reference"
BINARY = "terabyte_processed_test.bin"


def foreign(tmp_path):
    """A data set that the reference made: no manifest."""
    for name in (BINARY, "day_fea_count.npz"):
        shutil.copyfile(REFERENCE / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def own(tmp_path):
    directory = write_mlperf(tmp_path / "set", 250)
    write_manifest(directory, DataFormat.MLPERF, 250)
    return directory


def test_a_set_of_the_reference_opens_without_a_manifest(tmp_path):
    assert BinaryFile(foreign(tmp_path), "test").rows == 125


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_missing_split_says_which_there_are(tmp_path, split):
    with pytest.raises(DataError, match=rf"has no terabyte_processed_{split}\.bin; it has test"):
        BinaryFile(foreign(tmp_path), split)


def test_an_empty_or_absent_directory_says_how_to_make_a_set(tmp_path):
    with pytest.raises(DataError, match="pinbench data criteo --input"):
        BinaryFile(tmp_path, "test")
    with pytest.raises(DataError, match="absent is not a directory; check DATASET_DIR"):
        BinaryFile(tmp_path / "absent", "test")


def test_a_truncated_file_is_refused(tmp_path):
    path = foreign(tmp_path) / BINARY
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"is truncated: 19999 bytes are not a multiple of 160"):
        BinaryFile(tmp_path, "test")


def test_an_empty_file_is_refused(tmp_path):
    (foreign(tmp_path) / BINARY).write_bytes(b"")
    with pytest.raises(DataError, match=r"test\.bin is empty"):
        BinaryFile(tmp_path, "test")


def test_missing_counts_are_refused(tmp_path):
    (foreign(tmp_path) / "day_fea_count.npz").unlink()
    with pytest.raises(DataError, match=r"day_fea_count\.npz is missing: without it the sizes of the tables"):
        BinaryFile(tmp_path, "test")


def test_damaged_counts_are_refused(tmp_path):
    path = foreign(tmp_path) / "day_fea_count.npz"
    whole = path.read_bytes()
    for data in (b"", b"junk", whole[:100], whole[:-30]):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"day_fea_count\.npz"):
            read_counts(tmp_path)


@pytest.mark.parametrize(
    "content",
    [{"counts": np.zeros(26, np.int32)}, {"counts": np.ones(25, np.int32)}, {"counts": np.ones(26)}, {"x": 1}],
)
def test_counts_of_another_form_are_refused(tmp_path, content):
    np.savez(foreign(tmp_path) / "day_fea_count.npz", **content)
    with pytest.raises(DataError, match=r"day_fea_count\.npz"):
        BinaryFile(tmp_path, "test")


def test_ids_outside_the_counts_are_refused_with_their_row(tmp_path):
    counts = list(read_counts(foreign(tmp_path)))
    ids = np.fromfile(tmp_path / BINARY, "<i4").reshape(-1, 40)[:, 14]
    counts[0] = int(ids.max())
    write_counts(tmp_path, counts, [125])
    with pytest.raises(
        DataError, match=rf"row {ids.argmax()}: id {counts[0]} in category 1, which has {counts[0]} ids"
    ):
        BinaryFile(tmp_path, "test")


def test_an_id_that_sampling_missed_is_found_when_it_is_read(tmp_path):
    words = np.tile(np.fromfile(foreign(tmp_path) / BINARY, "<i4").reshape(-1, 40), (80, 1))
    words[1234, 39] = -7
    words.tofile(tmp_path / BINARY)
    file = BinaryFile(tmp_path, "test")
    assert len(file.read(0, 1000).label_B) == 1000
    with pytest.raises(DataError, match=r"row 1234: id -7 in category 26"):
        file.read(1000, 2000)


@pytest.mark.parametrize(("column", "value"), [(0, 2), (0, -1), (1, -1), (13, -5)])
def test_labels_and_integers_of_another_layout_are_refused(tmp_path, column, value):
    words = np.fromfile(foreign(tmp_path) / BINARY, "<i4").reshape(-1, 40)
    words[3, column] = value
    words.tofile(tmp_path / BINARY)
    with pytest.raises(DataError, match=rf"row 3: word {column} is {value}"):
        BinaryFile(tmp_path, "test")


def test_a_changed_byte_is_found_by_its_chunk(own):
    flip(own / BINARY, 160 * 100 + 4)  # the lowest bit of an integer: still a valid row
    with pytest.raises(DataError, match="is damaged within bytes 0 to 40000"):
        BinaryFile(own, "test").read(0, 1)


def test_only_chunks_that_are_read_are_verified(tmp_path):
    own = write_mlperf(tmp_path / "set", 250)
    write_manifest(own, DataFormat.MLPERF, 250, chunk_bytes=100 * 160)
    flip(own / BINARY, 160 * 150 + 4)
    file = BinaryFile(own, "test")
    assert len(file.read(0, 100).label_B) == 100
    assert len(file.read(200, 250).label_B) == 50
    with pytest.raises(DataError, match="within bytes 16000 to 32000"):
        file.read(99, 101)


def test_a_file_of_another_size_than_written_is_refused(own):
    path = own / BINARY
    path.write_bytes(path.read_bytes()[:-160])
    with pytest.raises(DataError, match="has 39840 bytes, but 40000 were written"):
        BinaryFile(own, "test")


def test_counts_of_another_set_are_refused(own):
    write_counts(own, [999_999] * 26, [250])
    with pytest.raises(DataError, match=r"day_fea_count\.npz (has|is not the file)"):
        BinaryFile(own, "test")


def test_a_file_that_the_manifest_does_not_know_is_refused(own):
    shutil.copyfile(REFERENCE / "terabyte_processed_val.bin", own / "terabyte_processed_val.bin")
    with pytest.raises(DataError, match=r"val\.bin is not in the manifest\.json beside it"):
        BinaryFile(own, "val")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "has format None"),
        ('{"schema": 99}', "has format 99"),
        ('{"schema": 1}', "has format 1, this pinbench reads 2"),
        ('{"schema": 2}', "missing"),
    ],
)
def test_a_damaged_or_later_manifest_is_refused(own, content, complaint):
    (own / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=complaint):
        BinaryFile(own, "test")
