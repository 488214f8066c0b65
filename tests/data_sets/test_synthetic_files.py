import errno
import gzip
import os
from functools import cache

import pytest

from pinbench.base.errors import DataError, UsageError
from pinbench.contract.data import DataFormat, SynthesizeJob
from pinbench.worker.data.criteo import synthesize as module
from pinbench.worker.data.criteo.planted import plant
from pinbench.worker.data.criteo.planted_file import read_planted
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.synthesize import synthesize
from pinbench.worker.data.criteo.synthetic_rows import raw_files, raw_place

ROWS = 20_000  # more than two blocks of a file
plant_once = cache(plant)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "plant", plant_once)


def make(output, **changes):
    orders = {
        "dataset": "criteo", "format": DataFormat.TSV, "output": str(output), "days": 2, "rows": ROWS, "seed": 0,
        "max_ind_range": None, "table_rows": None, "gzip": False, "threads": 2, "force": False, "restart": False,
    }  # fmt: skip
    job = SynthesizeJob(**(orders | changes))
    synthesize(job, Progress(say=lambda text: None))
    return {path.name: path.read_bytes() for path in output.iterdir() if path.name.startswith("day_")}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_are_the_same_by_any_number_of_threads_and_compressed(tmp_path):
    plain = make(tmp_path / "plain")
    assert sorted(plain) == ["day_0", "day_1"]
    assert plain["day_0"] != plain["day_1"]
    assert make(tmp_path / "one", threads=1) == plain
    packed = make(tmp_path / "packed", gzip=True, threads=3)
    assert {name: gzip.decompress(data) for name, data in packed.items()} == {
        "day_0.gz": plain["day_0"], "day_1.gz": plain["day_1"],
    }  # fmt: skip
    assert make(tmp_path / "packed", gzip=True, threads=1, force=True) == packed


def test_fewer_rows_or_days_are_the_first_of_more(tmp_path):
    more = make(tmp_path / "more")
    fewer = make(tmp_path / "fewer", rows=100, days=1)
    assert list(fewer) == ["day_0"]
    assert more["day_0"].startswith(fewer["day_0"])
    assert fewer["day_0"].count(b"\n") == 100


def test_what_is_known_of_the_labels_is_written_beside_them(tmp_path):
    data = make(tmp_path)
    assert names(tmp_path) == ["day_0", "day_1", "planted.json"]
    facts = read_planted(tmp_path)
    clicks = {name: sum(line.startswith(b"1") for line in text.splitlines()) for name, text in data.items()}
    assert [(file.name, file.size_bytes, file.rows, file.clicks) for file in facts.files] == [
        (name, len(data[name]), ROWS, clicks[name]) for name in ("day_0", "day_1")
    ]
    assert (facts.seed, facts.rows, facts.clicks) == (0, 2 * ROWS, sum(clicks.values()))
    assert facts.clicks / facts.rows == pytest.approx(0.033, abs=0.003)
    assert facts.table_rows[0] == 227_605_432
    assert facts.auc == pytest.approx(0.85, abs=0.002)
    assert 0 < facts.auc_standard_error < 0.001


def test_made_up_files_are_replaced_only_when_asked(tmp_path):
    make(tmp_path, rows=10)
    with pytest.raises(DataError, match=r"planted\.json exists; choose another --output, or .* --force"):
        make(tmp_path, rows=20)
    assert make(tmp_path, rows=20, days=1, gzip=True, force=True).keys() == {"day_0.gz"}
    assert names(tmp_path) == ["day_0.gz", "planted.json"]


def test_files_that_may_be_real_are_never_replaced(tmp_path):
    (tmp_path / "day_1").write_text("the only copy")
    with pytest.raises(DataError, match="day_1 exists and is not known to be made up"):
        make(tmp_path, force=True)
    assert (tmp_path / "day_1").read_text() == "the only copy"
    (tmp_path / "day_1").rename(tmp_path / "manifest.json")
    with pytest.raises(DataError, match="holds a prepared data set; choose another --output"):
        make(tmp_path, force=True)


def test_a_full_disk_leaves_nothing_half_written_and_the_old_set_as_it_was(tmp_path, monkeypatch):
    old = make(tmp_path, rows=10)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(raw_files.os, "fsync", full)
    with pytest.raises(DataError, match=r"cannot write .*day_0: No space left on device"):
        make(tmp_path, rows=20, force=True)
    assert names(tmp_path) == ["day_0", "day_1", "planted.json"]
    assert (tmp_path / "day_0").read_bytes() == old["day_0"]


def test_too_little_space_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_place.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1 << 20}))
    with pytest.raises(DataError, match=r"about 9\.6 MiB needed, 1\.0 MiB free; .* fewer --rows"):
        make(tmp_path)
    assert names(tmp_path) == []


def test_what_a_killed_job_left_is_overwritten_and_a_running_one_is_left_alone(tmp_path):
    left = tmp_path / ".synthetic"
    left.mkdir()
    (left / "day_0").write_text("half of a r")
    orders = {"rows": 10, "days": 1}
    data = make(tmp_path, **orders)
    assert data["day_0"].count(b"\n") == 10
    assert names(tmp_path) == ["day_0", "planted.json"]
    job = SynthesizeJob(
        dataset="criteo", format=DataFormat.TSV, output=str(tmp_path / "busy"), days=1, rows=1, seed=0,
        max_ind_range=None, table_rows=None, gzip=False, threads=1, force=False, restart=False,
    )  # fmt: skip
    with raw_place.raw_place(job), pytest.raises(DataError, match=r"another job is at work in .*busy"):
        make(tmp_path / "busy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"days": 0}, "--days must be 1 or more, got 0"),
        ({"rows": 0}, "--rows must be 1 or more, got 0"),
        ({"threads": 0}, "--threads must be 1 or more, got 0"),
        ({"seed": -1}, "--seed must be from 0 to 18446744073709551615, got -1"),
        ({"gzip": True, "format": DataFormat.NVIDIA}, "--gzip is for raw rows, not for --format nvidia"),
        ({"table_rows": (3, 4)}, "must be 26 numbers"),
    ],
)
def test_orders_that_make_no_sense_are_refused(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        make(tmp_path / "none", **changes)
    assert not (tmp_path / "none").exists() or names(tmp_path / "none") == []
