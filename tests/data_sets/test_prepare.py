import json
import lzma
import os
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from criteo_jobs import contents, do, raw_fields, write_raw
from criteo_reference import first_seen_ids, shuffled_train
from real_rows import REAL, needs_real_rows
from rlimit import largest_file

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import Assignment, DataFormat, RowOrder
from pinbench.worker.data.criteo import space
from pinbench.worker.data.criteo.counts import read_counts
from pinbench.worker.data.criteo.input_order import in_order_of_time
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile

REFERENCE = Path(__file__).parents[1] / "data/criteo/reference"
DAYS = [REFERENCE / f"day_{day}.gz" for day in range(24)]
BINARIES = [f"terabyte_processed_{split}.bin" for split in ("train", "val", "test")]

Usage = namedtuple("Usage", "total used free")


def words(data):
    return np.frombuffer(data, "<i4").reshape(-1, 40)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_all_files_equal_those_of_the_reference_when_its_order_is_asked_for(tmp_path):
    do(tmp_path, DAYS, order=RowOrder.REFERENCE)
    for name in BINARIES[1:]:
        assert (tmp_path / name).read_bytes() == (REFERENCE / name).read_bytes()
    train = lzma.decompress((REFERENCE / f"{BINARIES[0]}.xz").read_bytes())
    assert (tmp_path / BINARIES[0]).read_bytes() == train
    for name, key in (("day_fea_count.npz", "counts"), ("day_day_count.npz", "total_per_file")):
        ours, theirs = np.load(tmp_path / name), np.load(REFERENCE / name)
        assert ours.files == theirs.files
        assert ours[key].dtype == theirs[key].dtype
        assert (ours[key] == theirs[key]).all()


@pytest.mark.parametrize("order", [None, RowOrder.UNIFORM, RowOrder.INPUT])
def test_in_any_order_train_has_the_rows_of_the_reference(tmp_path, order):
    manifest = do(tmp_path, DAYS, order=order)
    ours = words((tmp_path / BINARIES[0]).read_bytes())
    theirs = words(lzma.decompress((REFERENCE / f"{BINARIES[0]}.xz").read_bytes()))
    assert (ours != theirs).any()
    assert (ours[np.lexsort(ours.T)] == theirs[np.lexsort(theirs.T)]).all()
    assert manifest.order is (order or RowOrder.UNIFORM)


@pytest.mark.parametrize("seed", [0, 77])
def test_days_of_different_length_equal_plain_loops(tmp_path, seed):
    days = [raw_fields(rows, seed=rows) for rows in (700, 30, 400, 251)]
    inputs = [write_raw(tmp_path / f"day_{number}", day) for number, day in enumerate(days)]
    do(tmp_path / "set", inputs, order=RowOrder.REFERENCE, seed=seed, max_ind_range=1000)
    encoded, counts = first_seen_ids(days, 1000)
    files = {name: words((tmp_path / "set" / name).read_bytes()).tolist() for name in BINARIES}
    assert files[BINARIES[0]] == shuffled_train(encoded, seed)
    assert (files[BINARIES[2]], files[BINARIES[1]]) == (encoded[-1][:126], encoded[-1][126:])
    assert read_counts(tmp_path / "set") == tuple(counts)


def test_the_input_order_keeps_the_rows_as_they_stand(tmp_path):
    days = [raw_fields(rows, seed=rows) for rows in (70, 30)]
    inputs = [write_raw(tmp_path / f"day_{number}", day) for number, day in enumerate(days)]
    do(tmp_path / "set", inputs, order=RowOrder.INPUT, assignment=Assignment.TRAIN)
    encoded, _ = first_seen_ids(days, 40_000_000)
    assert words((tmp_path / "set" / BINARIES[0]).read_bytes()).tolist() == encoded[0] + encoded[1]


@pytest.mark.parametrize("order", [RowOrder.UNIFORM, RowOrder.REFERENCE, RowOrder.INPUT])
def test_neither_threads_nor_memory_change_a_byte(tmp_path, order):
    inputs = [write_raw(tmp_path / f"day_{day}", raw_fields(9000, seed=day)) for day in range(3)]
    made = []
    for threads, memory_bytes in ((1, 4 << 30), (3, 4 << 30), (1, 1), (3, 300_000)):
        output = tmp_path / f"{threads}-{memory_bytes}"
        do(output, inputs, order=order, threads=threads, memory_bytes=memory_bytes)
        made.append(contents(output))
    assert all(files == made[0] for files in made)


def test_another_seed_is_another_order(tmp_path):
    for seed in (1, 2):
        do(tmp_path / str(seed), DAYS[:3], seed=seed)
    assert (tmp_path / "1" / BINARIES[0]).read_bytes() != (tmp_path / "2" / BINARIES[0]).read_bytes()


def test_only_the_first_rows_are_taken_when_so_many_are_asked_for(tmp_path):
    manifest = do(tmp_path, DAYS[:4], rows=600, order=RowOrder.INPUT, assignment=Assignment.TEST)
    assert [given.rows for given in manifest.inputs] == [250, 250, 100, 0]
    assert BinaryFile(tmp_path, "test").rows == 600


@contextmanager
def standard_input(path):
    kept = os.dup(0)
    with path.open("rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_rows_come_from_standard_input(tmp_path):
    raw = write_raw(tmp_path / "raw", raw_fields(50))
    with standard_input(raw):
        manifest = do(tmp_path / "piped", ["-"])
    do(tmp_path / "read", [raw])
    assert (tmp_path / "piped" / BINARIES[2]).read_bytes() == (tmp_path / "read" / BINARIES[2]).read_bytes()
    assert [(given.name, given.size_bytes, given.rows) for given in manifest.inputs] == [("-", None, 50)]
    with pytest.raises(UsageError, match="--input - is standard input and all of the input"):
        do(tmp_path / "both", ["-", raw])


def test_the_order_in_which_a_shell_lists_the_days_changes_nothing(tmp_path):
    do(tmp_path, sorted(DAYS))
    assert (tmp_path / BINARIES[2]).read_bytes() == (REFERENCE / BINARIES[2]).read_bytes()


def test_several_files_become_train_val_and_test_and_one_becomes_test(tmp_path):
    several = do(tmp_path / "several", DAYS[:3])
    assert {file.name: file.rows for file in several.files if file.rows} == {
        "terabyte_processed_train.bin": 500,
        "terabyte_processed_val.bin": 125,
        "terabyte_processed_test.bin": 125,
    }
    one = do(tmp_path / "one", DAYS[:1])
    assert [(file.name, file.rows) for file in one.files if file.rows] == [("terabyte_processed_test.bin", 250)]
    assert names(tmp_path / "one") == [
        "day_day_count.npz",
        "day_fea_count.npz",
        "manifest.json",
        "terabyte_processed_test.bin",
    ]


@pytest.mark.parametrize("assignment", [Assignment.TRAIN, Assignment.VAL, Assignment.TEST])
def test_all_rows_become_the_split_that_is_asked_for(tmp_path, assignment):
    do(tmp_path, DAYS[:2], assignment=assignment)
    assert BinaryFile(tmp_path, assignment.value).rows == 500


def test_the_first_half_of_an_odd_last_day_is_the_larger(tmp_path):
    raw = tmp_path / "odd"
    raw.write_bytes(b"".join(b"0" + b"\t%d" % i * 13 + b"\t0000000%d" % i * 26 + b"\n" for i in range(5)))
    do(tmp_path / "set", [DAYS[0], raw])
    assert BinaryFile(tmp_path / "set", "test").read(0, 3).dense_BI[:, 0].tolist() == [0, 1, 2]
    assert BinaryFile(tmp_path / "set", "val").read(0, 2).dense_BI[:, 0].tolist() == [3, 4]


def test_a_last_day_of_one_row_gives_no_empty_val(tmp_path):
    raw = tmp_path / "one"
    raw.write_bytes(b"0" + b"\t" * 39 + b"\n")
    do(tmp_path / "set", [DAYS[0], raw])
    assert BinaryFile(tmp_path / "set", "test").rows == 1
    assert not (tmp_path / "set" / BINARIES[1]).exists()


def test_a_smaller_range_merges_categories(tmp_path):
    manifest = do(tmp_path, DAYS[:4], max_ind_range=10)
    assert max(read_counts(tmp_path)) == max(manifest.table_rows) == 10


def test_the_largest_range_keeps_all_categories(tmp_path):
    raw = tmp_path / "raw"
    hashes = [b"ffffffff", b"00000000", b"", b"7fffffff", b"80000000"]
    raw.write_bytes(b"".join(b"1" + b"\t" * 13 + (b"\t" + value) * 26 + b"\n" for value in hashes))
    do(tmp_path / "set", [raw], max_ind_range=1 << 32)
    assert BinaryFile(tmp_path / "set", "test").read(0, 5).sparse_BF[:, 0].tolist() == [0, 1, 1, 2, 3]


def test_the_manifest_says_what_was_made_of_what(tmp_path):
    manifest = do(tmp_path, DAYS[:3], seed=5)
    assert json.loads((tmp_path / "manifest.json").read_text())["max_ind_range"] == 40_000_000
    assert (manifest.format, manifest.assignment, manifest.seed) == (DataFormat.MLPERF, Assignment.DAYS, 5)
    assert manifest.table_rows == read_counts(tmp_path)
    assert [(given.name, given.rows) for given in manifest.inputs] == [(f"day_{day}.gz", 250) for day in range(3)]


def test_files_are_ordered_only_when_one_number_alone_tells_them_apart():
    mixed = [Path("b_2"), Path("a_10"), Path("a_9")]
    assert in_order_of_time(mixed) == mixed
    assert in_order_of_time(mixed[1:]) == [Path("a_9"), Path("a_10")]
    unnumbered = [Path("z.tsv"), Path("a.tsv")]
    assert in_order_of_time(unnumbered) == unnumbered
    with pytest.raises(UsageError, match="a_9 is given twice"):
        in_order_of_time([Path("a_9"), Path("./a_9")])


def test_too_little_space_is_refused_before_the_start_with_both_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(space.shutil, "disk_usage", lambda path: Usage(1 << 40, 1 << 40, 1 << 20))
    with pytest.raises(DataError, match=r"too little space for .*: about 2\.1 MiB needed, 1\.0 MiB free"):
        do(tmp_path / "set", DAYS[:1])


def test_a_disk_that_is_full_when_the_files_get_their_size_is_refused_with_both_figures(tmp_path, monkeypatch):
    def full(handle, begin, size_bytes):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(
        DataError,
        match=r"too little space for .*test\.bin: 39\.1 KiB needed, .* free; make room, then the same command",
    ):
        do(tmp_path / "set", DAYS[:1])
    monkeypatch.undo()
    do(tmp_path / "set", DAYS[:1])
    assert BinaryFile(tmp_path / "set", "test").rows == 250


def test_a_file_system_that_refuses_is_named_and_the_same_command_goes_on_later(tmp_path):
    with largest_file(60_000), pytest.raises(DataError, match=r"cannot write .*terabyte_processed_test\.bin"):
        do(tmp_path / "set", DAYS[:2], assignment=Assignment.TEST)
    assert names(tmp_path / "set") == [".preparing"]
    do(tmp_path / "set", DAYS[:2], assignment=Assignment.TEST)
    assert ".preparing" not in names(tmp_path / "set")


def test_an_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "set").write_text("")
    with pytest.raises(DataError, match=r"set: (it is not a directory|Not a directory)"):
        do(tmp_path / "set", DAYS[:1])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"max_ind_range": 0}, "--max-ind-range must be from 1 to 4294967296, got 0"),
        ({"max_ind_range": (1 << 32) + 1}, "--max-ind-range must be from 1 to 4294967296, got 4294967297"),
        ({"frequency_limit": 3}, "--frequency-limit 3 does not go with the mlperf format"),
        ({"assignment": Assignment.DAYS}, "--split days needs two files or more"),
        ({"order": RowOrder.UNIFORM}, "--shuffle uniform has nothing to do"),
        ({"order": RowOrder.REFERENCE, "assignment": Assignment.TRAIN}, "--shuffle reference holds the last day out"),
        ({"format": DataFormat.TSV}, "--format tsv is what data sets are prepared from"),
    ],
)
def test_orders_that_contradict_each_other_are_refused_before_anything_is_written(tmp_path, change, complaint):
    with pytest.raises(UsageError, match=complaint):
        do(tmp_path / "set", DAYS[:1], **change)
    assert not (tmp_path / "set").exists()


@needs_real_rows
def test_real_rows_become_a_test_split(tmp_path):
    manifest = do(tmp_path, [REAL])
    raw = [line.split("\t") for line in REAL.read_text().splitlines()]
    (expected,), counts = first_seen_ids([raw], 40_000_000)
    rows = BinaryFile(tmp_path, "test").read(0, 1000)
    assert manifest.inputs[0].rows == 1000
    assert np.column_stack([rows.label_B, rows.dense_BI, rows.sparse_BF]).tolist() == expected
    assert read_counts(tmp_path) == tuple(counts)
