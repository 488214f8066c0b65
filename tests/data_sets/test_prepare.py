import lzma
import os
import resource
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import Assignment, DataJob
from pinbench.worker.data.criteo import space, workspace
from pinbench.worker.data.criteo.counts import read_counts
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile
from pinbench.worker.data.criteo.prepare import in_order_of_time, prepare
from pinbench.worker.data.criteo.progress import Progress

REFERENCE = Path(__file__).parents[1] / "data/criteo/reference"
SHARED = Path(os.environ.get("PINBENCH_SHARED", Path(__file__).parents[2] / "../shared"))
REAL = SHARED / "real/criteo/terabyte_day0_head_1000.tsv"
DAYS = [REFERENCE / f"day_{day}.gz" for day in range(24)]
BINARIES = [f"terabyte_processed_{split}.bin" for split in ("train", "val", "test")]

Usage = namedtuple("Usage", "total used free")


def quiet():
    return Progress(say=lambda line: None)


def do(output, inputs, max_ind_range=40_000_000, assignment=None, force=False):
    job = DataJob(
        dataset="criteo",
        inputs=tuple(map(str, inputs)),
        output=str(output),
        max_ind_range=max_ind_range,
        assignment=assignment,
        force=force,
    )
    return prepare(job, quiet())


def words(data):
    return np.frombuffer(data, "<i4").reshape(-1, 40)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


@contextmanager
def largest_file(size_bytes):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_files_equal_those_of_the_reference(tmp_path):
    do(tmp_path, DAYS)
    for name in ("terabyte_processed_test.bin", "terabyte_processed_val.bin"):
        assert (tmp_path / name).read_bytes() == (REFERENCE / name).read_bytes()
    for name, key in (("day_fea_count.npz", "counts"), ("day_day_count.npz", "total_per_file")):
        ours, theirs = np.load(tmp_path / name)[key], np.load(REFERENCE / name)[key]
        assert ours.dtype == theirs.dtype
        assert (ours == theirs).all()


def test_train_has_the_rows_of_the_reference_which_shuffles_them(tmp_path):
    do(tmp_path, DAYS)
    ours = words((tmp_path / "terabyte_processed_train.bin").read_bytes())
    theirs = words(lzma.decompress((REFERENCE / "terabyte_processed_train.bin.xz").read_bytes()))
    assert (ours != theirs).any()
    assert (ours[np.lexsort(ours.T)] == theirs[np.lexsort(theirs.T)]).all()


def test_the_order_in_which_a_shell_lists_the_days_changes_nothing(tmp_path):
    do(tmp_path, sorted(DAYS))
    assert (tmp_path / BINARIES[2]).read_bytes() == (REFERENCE / BINARIES[2]).read_bytes()


def test_several_files_become_train_val_and_test_and_one_becomes_test(tmp_path):
    several = do(tmp_path / "several", DAYS[:3])
    assert [(file.name, file.rows) for file in several.files[:3]] == [
        ("terabyte_processed_train.bin", 500),
        ("terabyte_processed_val.bin", 125),
        ("terabyte_processed_test.bin", 125),
    ]
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
    do(tmp_path, DAYS[:4], max_ind_range=10)
    assert max(read_counts(tmp_path)) == 10


def test_the_largest_range_keeps_all_categories(tmp_path):
    raw = tmp_path / "raw"
    hashes = [b"ffffffff", b"00000000", b"", b"7fffffff", b"80000000"]
    raw.write_bytes(b"".join(b"1" + b"\t" * 13 + (b"\t" + value) * 26 + b"\n" for value in hashes))
    do(tmp_path / "set", [raw], max_ind_range=1 << 32)
    assert BinaryFile(tmp_path / "set", "test").read(0, 5).sparse_BF[:, 0].tolist() == [0, 1, 1, 2, 3]


def test_files_are_ordered_only_when_one_number_alone_tells_them_apart():
    mixed = [Path("b_2"), Path("a_10"), Path("a_9")]
    assert in_order_of_time(mixed) == mixed
    assert in_order_of_time(mixed[1:]) == [Path("a_9"), Path("a_10")]
    unnumbered = [Path("z.tsv"), Path("a.tsv")]
    assert in_order_of_time(unnumbered) == unnumbered
    with pytest.raises(UsageError, match="a_9 is given twice"):
        in_order_of_time([Path("a_9"), Path("./a_9")])


def test_an_existing_set_is_kept_unless_forced(tmp_path):
    do(tmp_path, DAYS[:3])
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(DataError, match=r"manifest\.json exists; .*--force"):
        do(tmp_path, DAYS[:1])
    assert before == {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    do(tmp_path, DAYS[:1], force=True)
    # train and val of the old set would have ids of another vocabulary
    assert not (tmp_path / BINARIES[0]).exists()
    assert BinaryFile(tmp_path, "test").rows == 250


def test_a_file_of_the_user_in_the_output_survives_force(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    do(tmp_path, DAYS[:1])
    do(tmp_path, DAYS[:1], force=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_failed_forced_job_leaves_the_old_set_whole(tmp_path):
    do(tmp_path / "set", DAYS[:1])
    bad = tmp_path / "day_24"
    bad.write_bytes(b"0" + b"\t" * 39 + b"\n" + b"oops\n")
    with pytest.raises(DataError, match="day_24, line 2: 1 tab-separated fields"):
        do(tmp_path / "set", [DAYS[1], bad], force=True)
    assert BinaryFile(tmp_path / "set", "test").rows == 250
    assert ".preparing" not in names(tmp_path / "set")


def test_too_little_space_is_refused_before_the_start_with_both_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(space.shutil, "disk_usage", lambda path: Usage(1 << 40, 1 << 40, 1 << 20))
    with pytest.raises(DataError, match=r"too little space for .*: about 2\.0 MiB needed, 1\.0 MiB free"):
        do(tmp_path / "set", DAYS[:1])
    assert not (tmp_path / "set").exists()


def test_the_estimate_of_space_covers_what_is_written(tmp_path, monkeypatch):
    raw = tmp_path / "raw"
    rows = 40_000  # more than one block
    raw.write_bytes(b"".join(b"0" + b"\t" * 13 + b"\t%08x" % i * 26 + b"\n" for i in range(rows)))
    need_bytes = rows * 160
    for free_bytes, fits in ((need_bytes - 1, False), (need_bytes * 1.2 + (2 << 20), True)):
        monkeypatch.setattr(space.shutil, "disk_usage", lambda path, free=free_bytes: Usage(0, 0, int(free)))
        if fits:
            space.require_space([raw], tmp_path, cuts_last=False)
        else:
            with pytest.raises(DataError, match="too little space"):
                space.require_space([raw], tmp_path, cuts_last=False)


def test_a_file_system_that_fills_up_leaves_nothing(tmp_path):
    with largest_file(16_384), pytest.raises(DataError, match=r"cannot write .*terabyte_processed_test\.bin"):
        do(tmp_path / "set", DAYS[:2], assignment=Assignment.TEST)
    assert names(tmp_path / "set") == []


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("pinbench.worker.data.criteo.prepare.write_counts", interrupted)
    with pytest.raises(KeyboardInterrupt):
        do(tmp_path / "set", DAYS[:2])
    assert names(tmp_path / "set") == []


def test_a_stop_between_two_renames_leaves_no_set_that_opens(tmp_path, monkeypatch):
    do(tmp_path, DAYS[:3])
    replaced = []

    def stop_after_one(source, target):
        if replaced:
            raise KeyboardInterrupt
        replaced.append(target)
        Path(source).rename(target)

    monkeypatch.setattr(workspace.os, "replace", stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        do(tmp_path, DAYS[3:6], force=True)
    with pytest.raises(DataError, match="is missing"):
        BinaryFile(tmp_path, "train")


def test_another_job_at_work_in_the_output_is_noticed(tmp_path):
    (tmp_path / ".preparing").mkdir()
    with pytest.raises(DataError, match=r"\.preparing exists: another job is at work there, or one was killed"):
        do(tmp_path, DAYS[:1])
    assert (tmp_path / ".preparing").is_dir()


def test_an_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "set").write_text("")
    with pytest.raises(DataError, match=r"set: (it is not a directory|Not a directory)"):
        do(tmp_path / "set", DAYS[:1])


@pytest.mark.parametrize("value", [0, -1, (1 << 32) + 1])
def test_a_range_that_is_none_is_refused(tmp_path, value):
    with pytest.raises(UsageError, match=f"--max-ind-range must be from 1 to 4294967296, got {value}"):
        do(tmp_path, DAYS[:1], max_ind_range=value)


def test_days_need_more_than_one_file(tmp_path):
    with pytest.raises(UsageError, match="--split days needs two files or more"):
        do(tmp_path, DAYS[:1], assignment=Assignment.DAYS)


@pytest.mark.skipif(not REAL.exists(), reason="no real Criteo rows beside this checkout (PINBENCH_SHARED)")
def test_real_rows_become_a_test_split(tmp_path):
    manifest = do(tmp_path, [REAL])
    raw = [line.split("\t") for line in REAL.read_text().splitlines()]
    rows = BinaryFile(tmp_path, "test").read(0, 1000)
    assert manifest.inputs[0].rows == 1000
    assert rows.label_B.tolist() == [int(fields[0]) for fields in raw]
    assert rows.dense_BI.tolist() == [[max(0, int(field or "0")) for field in fields[1:14]] for fields in raw]
    ids = [{} for _ in range(26)]
    for fields, got in zip(raw, rows.sparse_BF.tolist(), strict=True):
        values = [int(field or "0", 16) % 40_000_000 for field in fields[14:]]
        assert got == [known.setdefault(value, len(known)) for known, value in zip(ids, values, strict=True)]
    assert read_counts(tmp_path) == tuple(len(known) for known in ids)


def test_progress_is_said_at_most_every_five_seconds():
    said, now_s = [], [100.0]
    progress = Progress(say=said.append, clock=lambda: now_s[0])
    for second in (101, 104.9, 106, 108, 112):
        now_s[0] = second
        progress.update("day_3.gz", 0.45, 3_000_000)
    assert said == [
        "criteo: day_3.gz 45%, 3,000,000 rows, 0.50 million rows/s",
        "criteo: day_3.gz 45%, 3,000,000 rows, 0.25 million rows/s",
    ]
