import os
import signal
import sys

import numpy as np
import pytest
from criteo_jobs import contents, do, make_job, raw_fields, write_raw
from killed_jobs import kill, moments_of

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFormat, RowOrder
from pinbench.worker.data.criteo import arrange, local_stages, prepare, workspace
from pinbench.worker.data.criteo.mlperf_binary import BinaryFile

SMALL = {"memory_bytes": 1 << 20, "threads": 2}  # many buckets


class StopHereError(Exception):
    pass


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    return [write_raw(folder / f"day_{day}", raw_fields(2000, seed=day, values=5000)) for day in range(24)]


# Two in each stage that takes long, in the order of the stages: a later job gets through the earlier ones at once.
KILLS = ("parse", "parse", "ids", "ids", "rows", "rows", "shuffle", "shuffle", "digest", "move")


@pytest.mark.parametrize(
    ("data_format", "order"),
    [
        (DataFormat.MLPERF, RowOrder.UNIFORM),
        (DataFormat.MLPERF, RowOrder.REFERENCE),
        (DataFormat.NVIDIA, RowOrder.UNIFORM),
    ],
)
def test_a_job_that_is_killed_at_ten_moments_and_started_again_makes_the_same_bytes(tmp_path, days, data_format, order):
    orders = {"format": data_format, "order": order, **SMALL}
    moments = moments_of("prepare", make_job(days, tmp_path / "whole", **orders))
    assert set(moments) == set(KILLS)
    random = np.random.default_rng(len(data_format))
    job = make_job(days, tmp_path / "killed", **orders)
    for stage in KILLS:
        # In the first third of what it would be without an interruption: so far it comes again each time.
        kill("prepare", job, stage, int(random.integers(-(-moments[stage] // 3))), random.uniform(0, 0.002))
        assert (tmp_path / "killed/.preparing/job.json").exists()
        assert not (tmp_path / "killed/manifest.json").exists()
    do(tmp_path / "killed", days, **orders)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


POINTS = {
    "before the ids": (local_stages, "give_ids", 1),
    "between two columns": ("pinbench.worker.data.criteo.identify", "settled", 7),
    "before the rows": (local_stages, "arrange", 1),
    "between two shards": (arrange, "read_shard", 2),
    "between two buckets": (arrange, "sort_bucket", 5),
    "before the digests": (prepare, "describe_files", 1),
    "before the set is sealed": (workspace.Workspace, "seal", 1),
    "before it is moved": (workspace.Workspace, "publish", 1),
    "between two moves": (workspace.os, "replace", None),
}
ONLY_OF_SEVERAL = ("between two buckets", "between two moves")  # kaggle: one file, not shuffled


@pytest.mark.parametrize(
    ("point", "data_format"),
    [(point, data_format) for point in POINTS for data_format in (DataFormat.MLPERF, DataFormat.KAGGLE)
     if data_format is DataFormat.MLPERF or point not in ONLY_OF_SEVERAL],
)  # fmt: skip
def test_a_job_goes_on_from_each_point(tmp_path, days, monkeypatch, point, data_format):
    orders = {"format": data_format, "threads": 1, "memory_bytes": 1 << 20}
    do(tmp_path / "whole", days[:3], **orders)
    place, name, nth = POINTS[point]
    place = sys.modules[place] if isinstance(place, str) else place
    real, calls = getattr(place, name), []

    def stop(*arguments, **more):
        if nth is None and not str(arguments[1]).startswith(f"{tmp_path}/stopped/"):
            return real(*arguments, **more)
        if nth is None and ".preparing" in str(arguments[1]):
            return real(*arguments, **more)
        calls.append(name)
        if len(calls) == (nth or 2):
            raise StopHereError
        return real(*arguments, **more)

    monkeypatch.setattr(place, name, stop)
    with pytest.raises(StopHereError):
        do(tmp_path / "stopped", days[:3], **orders)
    assert (tmp_path / "stopped/.preparing/job.json").exists()
    monkeypatch.undo()
    do(tmp_path / "stopped", days[:3], **orders)
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


def stop_before(monkeypatch, name):
    def stop(*arguments, **more):
        raise StopHereError

    monkeypatch.setattr(prepare, name, stop)


def stopped(tmp_path, days, monkeypatch, **orders):
    stop_before(monkeypatch, "describe_files")
    with pytest.raises(StopHereError):
        do(tmp_path / "set", days, **orders)
    monkeypatch.undo()


def test_what_is_done_is_not_done_again(tmp_path, days, monkeypatch):
    stopped(tmp_path, days[:3], monkeypatch)
    for name in ("read_shard", "sort_bucket"):
        monkeypatch.setattr(arrange, name, lambda *arguments: pytest.fail("done before"))
    do(tmp_path / "set", days[:3])
    assert BinaryFile(tmp_path / "set", "train").rows == 4000


@pytest.mark.parametrize("data_format", [DataFormat.MLPERF, DataFormat.KAGGLE])
def test_after_a_restart_of_the_machine_what_may_not_be_on_the_disk_is_made_anew(
    tmp_path, days, monkeypatch, data_format
):
    do(tmp_path / "whole", days[:3], format=data_format)
    stopped(tmp_path, days[:3], monkeypatch, format=data_format)
    for folder in ("rows", "set"):
        for path in (tmp_path / "set/.preparing" / folder).rglob("*.b*"):
            path.write_bytes(bytes(path.stat().st_size))  # what a power cut may leave
    monkeypatch.setattr("pinbench.worker.data.criteo.journal._boot_id", lambda: "another")
    do(tmp_path / "set", days[:3], format=data_format)
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 9}, "seed was 0, now 9"),
        ({"max_ind_range": 10}, "max_ind_range was the default, now 10"),
        ({"format": DataFormat.WSF, "inputs": 1}, "format was mlperf, now wsf"),
        ({"inputs": 2}, r"inputs was .*day_2 \("),
    ],
)
def test_other_orders_are_refused_and_restart_forgets_the_stopped_job(tmp_path, days, monkeypatch, change, difference):
    stopped(tmp_path, days[:3], monkeypatch)
    inputs = days[: change.pop("inputs", 3)]
    with pytest.raises(
        DataError, match=rf"holds a stopped job with other orders: {difference}.*--restart to forget it"
    ):
        do(tmp_path / "set", inputs, **change)
    do(tmp_path / "set", inputs, restart=True, **change)
    do(tmp_path / "new", inputs, **change)
    assert contents(tmp_path / "set") == contents(tmp_path / "new")


def test_a_changed_input_is_refused(tmp_path, monkeypatch):
    raw = [write_raw(tmp_path / f"day_{day}", raw_fields(30, seed=day)) for day in range(2)]
    stopped(tmp_path, raw, monkeypatch)
    write_raw(raw[1], raw_fields(31, seed=1))
    with pytest.raises(DataError, match=r"other orders: inputs was .*day_1 \(\d+ bytes, .*now .*day_1 \(\d+ bytes"):
        do(tmp_path / "set", raw)


def test_other_threads_and_memory_go_on_with_the_stopped_job(tmp_path, days, monkeypatch):
    stopped(tmp_path, days[:3], monkeypatch, threads=1)
    do(tmp_path / "set", days[:3], threads=3, memory_bytes=1 << 30)
    do(tmp_path / "whole", days[:3])
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")


def test_a_second_job_in_the_same_output_is_refused_while_the_first_is_at_work(tmp_path, days):
    with (
        workspace.workspace(tmp_path / "set"),
        pytest.raises(DataError, match=r"another job is at work in .*set; wait for it, or stop it"),
    ):
        do(tmp_path / "set", days[:1])
    do(tmp_path / "set", days[:1])


def test_an_existing_set_is_kept_unless_forced(tmp_path, days):
    do(tmp_path, days[:3])
    before = contents(tmp_path)
    with pytest.raises(DataError, match=r"manifest\.json exists; .*--force"):
        do(tmp_path, days[:1])
    assert contents(tmp_path) == before
    do(tmp_path, days[:1], force=True)
    # train and val of the old set would have ids of another vocabulary
    assert not (tmp_path / "terabyte_processed_train.bin").exists()
    assert BinaryFile(tmp_path, "test").rows == 2000


def test_of_a_replaced_set_of_another_form_nothing_stays(tmp_path, days):
    do(tmp_path, days[:3], format=DataFormat.NVIDIA)
    assert (tmp_path / "binary_dataset/train/cat_0.bin").exists()
    do(tmp_path, days[:1], force=True)
    assert sorted(contents(tmp_path)) == [
        "day_day_count.npz", "day_fea_count.npz", "manifest.json", "terabyte_processed_test.bin",
    ]  # fmt: skip
    assert not (tmp_path / "binary_dataset").exists()


def test_a_file_of_the_user_in_the_output_survives_force(tmp_path, days):
    (tmp_path / "notes.txt").write_text("mine")
    do(tmp_path, days[:1])
    do(tmp_path, days[:1], force=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_old_set_is_readable_until_the_new_one_is_whole(tmp_path, days, monkeypatch):
    do(tmp_path / "set", days[:1])
    stop_before(monkeypatch, "describe_files")
    with pytest.raises(StopHereError):
        do(tmp_path / "set", days[:3], force=True)
    assert BinaryFile(tmp_path / "set", "test").read(0, 2000).label_B.shape == (2000,)
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"exists; .*--force"):
        do(tmp_path / "set", days[:3])
    do(tmp_path / "set", days[:3], force=True)
    assert BinaryFile(tmp_path / "set", "test").rows == 1000


def test_a_failed_forced_job_leaves_the_old_set_whole(tmp_path, days):
    do(tmp_path / "set", days[:1])
    bad = tmp_path / "day_24"
    bad.write_bytes(b"0" + b"\t" * 39 + b"\n" + b"oops\n")
    with pytest.raises(DataError, match="day_24, line 2: 1 tab-separated field"):
        do(tmp_path / "set", [days[1], bad], force=True)
    assert BinaryFile(tmp_path / "set", "test").rows == 2000


def test_a_stop_between_two_moves_leaves_no_set_that_opens_and_the_same_command_ends_it(tmp_path, days, monkeypatch):
    do(tmp_path / "set", days[:3])
    moved, real = [], os.replace

    def stop_after_one(source, target):
        if "/set/.preparing/set/" in str(source):
            if moved:
                raise StopHereError
            moved.append(target)
        real(source, target)

    monkeypatch.setattr(workspace.os, "replace", stop_after_one)
    with pytest.raises(StopHereError):
        do(tmp_path / "set", days[3:6], force=True)
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"is missing|has no"):
        BinaryFile(tmp_path / "set", "train")
    do(tmp_path / "set", days[3:6], force=True)
    do(tmp_path / "new", days[3:6])
    assert contents(tmp_path / "set") == contents(tmp_path / "new")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_an_interrupt_stops_can_be_gone_on_with(tmp_path, days, monkeypatch, number):
    def interrupted(*arguments, **more):
        raise SystemExit(128 + number)

    monkeypatch.setattr(arrange, "take", interrupted)
    with pytest.raises(SystemExit):
        do(tmp_path / "set", days[:3])
    monkeypatch.undo()
    do(tmp_path / "set", days[:3])
    do(tmp_path / "whole", days[:3])
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")
