import numpy as np
import pytest
from criteo_jobs import do, raw_fields, write_raw
from criteo_reference import first_seen_ids, shuffled_train
from real_rows import REAL, needs_real_rows

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import Assignment, DataFormat, RowOrder
from pinbench.worker.data.criteo.format import wsf


def words(path):
    return np.fromfile(path, "<i4").reshape(-1, 40).tolist()


def parts_of(fields):
    """As split -l cuts a file of so many lines."""
    size = len(fields) // 24 + 1
    return [fields[begin : begin + size] for begin in range(0, len(fields), size)]


@pytest.fixture
def day(tmp_path):
    fields = raw_fields(1000, seed=4)
    return write_raw(tmp_path / "day_0", fields), parts_of(fields)


def test_the_last_part_is_test_whole_and_in_order_and_no_row_of_it_is_in_train(tmp_path, day):
    raw, parts = day
    manifest = do(tmp_path / "set", [raw], format=DataFormat.WSF)
    encoded, counts = first_seen_ids(parts, 40_000_000)
    assert [len(part) for part in parts] == [42] * 23 + [34]
    assert words(tmp_path / "set/terabyte_processed_test.bin") == encoded[-1]
    train = words(tmp_path / "set/terabyte_processed_train.bin")
    assert sorted(train) == sorted(row for part in encoded[:-1] for row in part)
    assert [file.name for file in manifest.files] == [
        "terabyte_processed_train.bin",
        "terabyte_processed_test.bin",
        "day0_day_count.npz",
        "day0_fea_count.npz",
    ]
    assert np.load(tmp_path / "set/day0_fea_count.npz")["counts"].tolist() == counts
    day_count = np.load(tmp_path / "set/day0_day_count.npz")["total_per_file"]
    assert (day_count.tolist(), day_count.dtype) == ([42] * 23 + [34], np.int64)


def test_the_order_of_the_reference_takes_the_parts_for_days(tmp_path, day):
    raw, parts = day
    do(tmp_path / "set", [raw], format=DataFormat.WSF, order=RowOrder.REFERENCE, seed=6)
    encoded, _ = first_seen_ids(parts, 40_000_000)
    assert words(tmp_path / "set/terabyte_processed_train.bin") == shuffled_train(encoded, 6)


def test_it_is_read_back(tmp_path, day):
    raw, parts = day
    do(tmp_path / "set", [raw], format=DataFormat.WSF, max_ind_range=50)
    reader = wsf.open_reader(tmp_path / "set", "test")
    rows = reader.read(0, 34)
    encoded, counts = first_seen_ids(parts, 50)
    assert np.column_stack([rows.label_B, rows.dense_BI, rows.sparse_BF]).tolist() == encoded[-1]
    assert reader.table_rows == tuple(counts)
    with pytest.raises(DataError, match=r"has no terabyte_processed_val\.bin; it has train, test"):
        wsf.open_reader(tmp_path / "set", "val")


@pytest.mark.parametrize(
    ("rows", "inputs", "change", "complaint"),
    [
        (30, 2, {}, "made of one day, got 2 files; give day_0 alone"),
        (30, 1, {"assignment": Assignment.DAYS}, "--split days does not go with the wsf format"),
        (30, 1, {"frequency_limit": 2}, "--frequency-limit 2 does not go with the wsf format"),
        (24, 1, {}, "24 rows make no 24 parts of 2 rows each; give more"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path, rows, inputs, change, complaint):
    raw = [write_raw(tmp_path / f"day_{number}", raw_fields(rows, seed=number)) for number in range(inputs)]
    with pytest.raises(UsageError, match=complaint):
        do(tmp_path / "set", raw, format=DataFormat.WSF, **change)


@needs_real_rows
def test_real_rows(tmp_path):
    do(tmp_path / "set", [REAL], format=DataFormat.WSF, order=RowOrder.INPUT)
    fields = [line.split("\t") for line in REAL.read_text().splitlines()]
    (encoded,), _ = first_seen_ids([fields], 40_000_000)
    read = [words(tmp_path / f"set/terabyte_processed_{split}.bin") for split in ("train", "test")]
    assert read[0] + read[1] == encoded
