import gzip
import hashlib
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from criteo_words import make_orders, make_words, write_blocks
from prepare_jobs import prepare_reference_days

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import DataFormat
from pinbench.worker.data.criteo.form import MISSING, ByCount, DayFormat
from pinbench.worker.data.criteo.format import nvidia
from pinbench.worker.data.criteo.format.feature_spec import read_spec, spec_text
from pinbench.worker.data.criteo.format.half_log import half_log, log_steps, small_logs

REFERENCE = Path(__file__).parents[1] / "data/criteo/reference"
TABLES = (127, 126, 128, 32_767, 32_766, 40_000, *range(1, 21))
DTYPES = ("<i2", "<i1", "<i2", "<i4", "<i2", "<i4", *["<i1"] * 20)
DAY_ROWS = (40, 30, 21)


@pytest.fixture
def made(tmp_path):
    words = make_words(91, TABLES)
    return tmp_path, words, write(tmp_path, words)


def write(folder, words, is_resumed=False):
    streams = nvidia.streams("days", DAY_ROWS, False)
    writer = nvidia.open_writer(make_orders(folder, streams, DAY_ROWS, TABLES), is_resumed)
    write_blocks(writer, streams, words)
    return writer.finish()


def slow_half(integer):
    """The logarithm as the original: null for missing, double, float, half."""
    if integer == MISSING or integer + 3 <= 0:
        return np.float16(0)
    return np.float16(np.float32(math.log(integer + 3)))


def test_each_column_is_a_file_of_its_own_as_the_original_lays_it_out(made):
    folder, words, _ = made
    for split, rows in (("train", words[:70]), ("test", words[70:80]), ("validation", words[80:])):
        at = folder / "binary_dataset" / split
        numerical = np.fromfile(at / "numerical.bin", "<f2").reshape(-1, 13)
        expected = np.array([[slow_half(int(integer)) for integer in row] for row in rows[:, 1:14]], np.float16)
        assert np.array_equal(numerical, expected)
        assert np.fromfile(at / "label.bin", np.bool_).tolist() == [bool(label) for label in rows[:, 0]]
        for column, dtype in enumerate(DTYPES):
            assert np.array_equal(np.fromfile(at / f"cat_{column}.bin", dtype), rows[:, 14 + column])


@pytest.mark.parametrize(("split", "begin", "end"), [("train", 0, 70), ("test", 70, 80), ("val", 80, 91)])
def test_what_is_written_is_read_back(made, split, begin, end):
    folder, words, _ = made
    reader = nvidia.open_reader(folder, split)
    assert (reader.rows, reader.table_rows, reader.sha256) == (end - begin, TABLES, None)
    rows = reader.read(3, reader.rows)
    assert np.array_equal(rows.label_B, words[begin + 3 : end, 0])
    assert np.array_equal(rows.sparse_BF, words[begin + 3 : end, 14:])
    assert rows.dense_BI.dtype == np.float32
    assert rows.dense_BI[0, 0] == np.float32(slow_half(int(words[begin + 3, 1])))
    assert nvidia.open_reader(folder / "binary_dataset", split).rows == reader.rows


def test_a_resumed_writer_keeps_what_is_there(made):
    folder, words, files = made
    before = {path: (folder / path).read_bytes() for path, _ in files}
    streams = nvidia.streams("days", DAY_ROWS, False)
    writer = nvidia.open_writer(make_orders(folder, streams, DAY_ROWS, TABLES), True)
    writer.write(streams[0], 35, words[35:50])
    assert {path: (folder / path).read_bytes() for path, _ in writer.finish()} == before


def test_finish_names_all_files_with_their_rows(made):
    folder, _, files = made
    there = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert {path for path, _ in files} == there
    assert len(there) == 3 * 28 + 2
    assert dict(files)[Path("binary_dataset/test/cat_3.bin")] == 10
    assert json.loads((folder / "model_size.json").read_text())["_c14"] == 126


def test_logarithms_looked_up_are_those_computed():
    for value in (-3, -2, 0, 65_535):
        assert small_logs()[value + 3] == slow_half(value)
    steps, halves = log_steps()
    assert len(steps) == 980  # half floats from 11.09 to 21.48: 128 to each whole number below 16, 64 above
    assert steps[0] == 65_536 == len(small_logs()) - 3
    assert np.array_equal(half_log(steps), halves)
    assert np.array_equal(half_log(steps[1:] - 1), halves[:-1])
    assert half_log(np.array([MISSING, -4, -3, -2], np.int32)).tolist() == [0, 0, 0, 0]


def test_the_spec_is_that_of_the_original_to_the_byte():
    cardinalities = [
        7912889, 33823, 17139, 7339, 20046, 4, 7105, 1382, 63, 5554114, 582469, 245828, 11,
        2209, 10667, 104, 4, 968, 15, 8165896, 2675940, 7156453, 302516, 12022, 97, 35,
    ]  # fmt: skip
    text = spec_text(cardinalities)
    # sha256 of PyTorch/Recommendation/DLRM/tests/feature_specs/criteo_f15.yaml, which lacks the last empty line
    expected = "81d833f98ccab856b5a379e33e2346023ad3a0444e54a5ac1f96d06129ad9db2"
    assert hashlib.sha256(text[:-1].encode()).hexdigest() == expected


def raw_day(day):
    return [line.split(b"\t") for line in gzip.open(REFERENCE / f"day_{day}.gz").read().splitlines()]


def test_the_last_day_agrees_with_the_spark_script_of_the_original(tmp_path):
    days = [raw_day(day) for day in range(24)]
    counts = [Counter(row[14 + column] for day in days for row in day) for column in range(26)]
    vocabularies = []
    for count in counts:
        kept = [category for category, times in count.items() if category and times >= 3]
        kept.sort(key=lambda category, count=count: (-count[category], int(category, 16)))
        vocabularies.append({category: 1 + place for place, category in enumerate(kept)})
    words = np.array(
        [
            [
                int(row[0]),
                *(int(field) if field else MISSING for field in row[1:14]),
                *(vocabulary.get(field, 0) for vocabulary, field in zip(vocabularies, row[14:], strict=True)),
            ]
            for row in days[23]
        ],
        np.int32,
    )
    tables = [1 + len(vocabulary) for vocabulary in vocabularies]
    streams = nvidia.streams("test", (250,), False)
    writer = nvidia.open_writer(make_orders(tmp_path, streams, (250,), tables), False)
    writer.write(streams[0], 0, words)
    writer.finish()
    rows = nvidia.open_reader(tmp_path, "test").read(0, 250)
    golden = np.load(REFERENCE / "nvidia_fl3_day23.npz")
    assert tables == golden["cardinality"].tolist()
    assert np.array_equal(rows.label_B, golden["label"])
    assert np.array_equal(rows.dense_BI, golden["dense"].astype(np.float32).astype(np.float16).astype(np.float32))
    assert np.array_equal(rows.sparse_BF == 0, golden["cat"] == 0)
    unique = 0
    for column, count in enumerate(counts):
        ties = Counter(count.values())
        for row, fields in enumerate(days[23]):
            if fields[14 + column] and ties[count[fields[14 + column]]] == 1:
                assert rows.sparse_BF[row, column] == golden["cat"][row, column]
                unique += 1
    assert unique > 1000  # else the comparison says nothing


def test_a_prepared_set_has_the_same_last_day(tmp_path):
    manifest = prepare_reference_days(tmp_path / "set", format=DataFormat.NVIDIA, frequency_limit=3)
    golden = np.load(REFERENCE / "nvidia_fl3_day23.npz")
    assert manifest.table_rows == tuple(golden["cardinality"])
    test, val = (nvidia.open_reader(tmp_path / "set", split) for split in ("test", "val"))
    assert (test.rows, val.rows, nvidia.open_reader(tmp_path / "set", "train").rows) == (125, 125, 23 * 250)
    halves = test.read(0, 125), val.read(0, 125)
    assert np.array_equal(np.concatenate([rows.label_B for rows in halves]), golden["label"])
    expected = golden["dense"].astype(np.float32).astype(np.float16)
    assert np.array_equal(np.concatenate([rows.dense_BI for rows in halves]), expected)
    assert np.array_equal(np.concatenate([rows.sparse_BF for rows in halves]) == 0, golden["cat"] == 0)
    path = tmp_path / "set/binary_dataset/test/cat_0.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(DataError, match=r"test/cat_0\.bin is damaged within bytes 0 to"):
        nvidia.open_reader(tmp_path / "set", "test").read(0, 1)


@pytest.mark.parametrize("limit", [1, 2, 3, 15])
def test_ids_are_by_count_from_any_limit(limit):
    assert nvidia.ids(None, limit) == ByCount(minimum=limit)
    assert nvidia.ids(2**32, None) == ByCount(minimum=15)
    assert not isinstance(nvidia, DayFormat)


def test_orders_that_the_form_cannot_meet_are_refused():
    with pytest.raises(UsageError, match="--frequency-limit must be at least 1 for the nvidia format, got 0"):
        nvidia.ids(None, 0)
    with pytest.raises(UsageError, match="--max-ind-range 1000 does not go with the nvidia format"):
        nvidia.ids(1000, None)
    with pytest.raises(UsageError, match="--split days needs two files or more"):
        nvidia.streams("days", (5,), True)


@pytest.mark.parametrize(("assignment", "split"), [("train", "train"), ("val", "val"), (None, "test")])
def test_all_rows_can_become_one_split(assignment, split):
    (stream,) = nvidia.streams(assignment, (5,) if assignment is None else (5, 4), True)
    assert (stream.split, stream.begin, stream.is_shuffled) == (split, 0, split == "train")


def foreign(folder, edit):
    """A set of one number, two columns and two rows, after `edit` of its spec."""
    spec = yaml.safe_load("""
channel_spec: {categorical: [a, b], label: [y], numerical: [x]}
feature_spec: {a: {cardinality: 3, dtype: int8}, b: {cardinality: 300, dtype: int16}, x: {dtype: float16},
  y: {dtype: bool}}
metadata: {}
source_spec:
  train: &chunks
  - {type: split_binary, features: [x], files: [test/x]}
  - {type: split_binary, features: [y], files: [test/y]}
  - {type: split_binary, features: [a], files: [test/a]}
  - {type: split_binary, features: [b], files: [test/b]}
  test: *chunks
""")
    edit(spec)
    (folder / "test").mkdir()
    (folder / "feature_spec.yaml").write_text(yaml.dump(spec))
    np.array([0.5, 1.5], "<f2").tofile(folder / "test/x")
    np.array([True, False]).tofile(folder / "test/y")
    np.array([2, 0], "<i1").tofile(folder / "test/a")
    np.array([299, 1], "<i2").tofile(folder / "test/b")
    return folder


def test_a_foreign_set_of_other_shape_is_read(tmp_path):
    reader = nvidia.open_reader(foreign(tmp_path, lambda spec: None), "test")
    rows = reader.read(0, 2)
    assert reader.table_rows == (3, 300)
    assert rows.dense_BI.tolist() == [[0.5], [1.5]]
    assert rows.sparse_BF.tolist() == [[2, 299], [0, 1]]
    assert rows.label_B.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda s: s["channel_spec"].pop("label"), "channel_spec has categorical, numerical, not"),
        (lambda s: s["channel_spec"]["label"].append("a"), "channel_spec has 2 labels instead of one"),
        (lambda s: s["feature_spec"].pop("b"), "name different features: b"),
        (lambda s: s["feature_spec"]["x"].update(dtype="float32"), "x has dtype float32, not float16"),
        (lambda s: s["feature_spec"]["y"].update(dtype="int8"), "y has dtype int8, not bool"),
        (lambda s: s["feature_spec"]["a"].update(dtype="no"), "a has dtype no, not int8 or int16 or int32"),
        (lambda s: s["feature_spec"]["a"].pop("cardinality"), "a has cardinality None"),
        (lambda s: s["feature_spec"]["a"].update(cardinality=200), "200 ids of a do not fit int8"),
        (lambda s: s["source_spec"].pop("test"), "source_spec has train, not test"),
        (lambda s: s["source_spec"]["test"].pop(), "source_spec: test lacks b"),
        (lambda s: s["source_spec"]["test"][0]["files"].append("z"), "the chunk of x has 2 files instead of one"),
        (lambda s: s["source_spec"]["test"][0].update(type="csv"), "a chunk has type csv, not split_binary"),
        (lambda s: s["source_spec"]["test"][1]["features"].append("a"), "y shares a chunk with a"),
        (lambda s: s["source_spec"]["test"][0]["features"].append("a"), "the numericals are not one chunk"),
        (lambda s: s.update(feature_spec=3), "feature_spec is no mapping"),
    ],
)
def test_a_spec_that_the_original_would_refuse_is_one_line(tmp_path, edit, complaint):
    foreign(tmp_path, edit)
    with pytest.raises(DataError, match=complaint) as caught:
        nvidia.open_reader(tmp_path, "test")
    assert str(caught.value).startswith(f"{tmp_path}/feature_spec.yaml: ")
    assert "\n" not in str(caught.value)


def test_damaged_sets_say_what_and_where(tmp_path):
    foreign(tmp_path, lambda spec: None)
    np.array([299, 300], "<i2").tofile(tmp_path / "test/b")
    with pytest.raises(DataError, match=r"test/b, row 1: id 300, but feature_spec\.yaml gives it 300 ids"):
        nvidia.open_reader(tmp_path, "test").read(0, 2)
    (tmp_path / "test/y").write_bytes(b"\1\2")
    with pytest.raises(DataError, match="test/y, row 1: label 2, not 0 or 1"):
        nvidia.open_reader(tmp_path, "test").read(0, 2)
    (tmp_path / "test/b").write_bytes(b"\0")
    with pytest.raises(DataError, match="test/b has 1 bytes, not 4: 2 for each of the 2 rows of y"):
        nvidia.open_reader(tmp_path, "test")
    (tmp_path / "test/b").unlink()
    with pytest.raises(DataError, match="test/b is missing"):
        nvidia.open_reader(tmp_path, "test")
    (tmp_path / "feature_spec.yaml").write_text("a: [")
    with pytest.raises(DataError, match=r"feature_spec\.yaml is damaged: .*line 1"):
        nvidia.open_reader(tmp_path, "test")
    with pytest.raises(DataError, match=r"has no binary_dataset/feature_spec\.yaml; make it with"):
        nvidia.open_reader(tmp_path / "test", "test")


def test_validation_lies_beside_test(made):
    folder, _, _ = made
    files = read_spec(folder / "binary_dataset/feature_spec.yaml", "validation")
    assert files.label == "validation/label.bin"
    assert files.categories[3] == ("validation/cat_3.bin", "int32", 32_767)
