from functools import cache

import pytest
from killed_jobs import kill, moments_of

from pinbench.base.errors import DataError
from pinbench.contract.data import PLANTED_FILE, DataEngine, DataFormat, PrepareJob, SynthesizeJob
from pinbench.worker.data.criteo import synthesize as module
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.planted import plant
from pinbench.worker.data.criteo.planted_file import read_planted
from pinbench.worker.data.criteo.prepare import prepare
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.synthesize import synthesize
from pinbench.worker.data.criteo.synthetic_rows import drawn_shards

PREPARED = [form for form in DataFormat if form is not DataFormat.TSV]
MANIFEST = "manifest.json"
plant_once = cache(plant)


def largest_hash(form):
    return None if form is DataFormat.NVIDIA else 100_000  # its tables are bounded by counts


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "plant", plant_once)


def silent():
    return Progress(say=lambda text: None)


def job_of(output, form, **changes):
    orders = {
        "dataset": "criteo", "format": form, "output": str(output), "days": 1 if form is DataFormat.WSF else 3,
        "rows": 5_000, "seed": 2, "max_ind_range": largest_hash(form), "table_rows": None, "gzip": False, "threads": 2,
        "force": False, "restart": False,
    }  # fmt: skip
    return SynthesizeJob(**(orders | changes))


def prepared_from_files(inputs, output, form):
    job = PrepareJob(
        dataset="criteo", format=form, inputs=tuple(map(str, inputs)), output=str(output),
        max_ind_range=largest_hash(form),
        frequency_limit=None, assignment=None, order=None, seed=2, rows=None, memory_bytes=1 << 30, threads=1,
        engine=DataEngine.LOCAL, master=None, force=False, restart=False,
    )  # fmt: skip
    return prepare(job, silent())


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("form", PREPARED)
def test_a_prepared_form_equals_what_prepare_makes_of_the_raw_files(tmp_path, form):
    synthesize(job_of(tmp_path / "direct", form), silent())
    synthesize(job_of(tmp_path / "raw", DataFormat.TSV, days=1 if form is DataFormat.WSF else 3), silent())
    prepared_from_files(sorted((tmp_path / "raw").glob("day_*")), tmp_path / "prepared", form)
    direct, prepared = contents(tmp_path / "direct"), contents(tmp_path / "prepared")
    assert len(direct) > 1
    assert direct.pop(MANIFEST) != prepared.pop(MANIFEST)
    assert direct == prepared
    ours, theirs = read_manifest(tmp_path / "direct"), read_manifest(tmp_path / "prepared")
    assert ours.planted_auc == plant_once(None, 2)[1].auc
    assert theirs.planted_auc is None
    assert (ours.files, ours.table_rows) == (theirs.files, theirs.table_rows)
    assert [(given.name, given.size_bytes, given.rows) for given in ours.inputs] == [
        (given.name, None, given.rows) for given in theirs.inputs
    ]


@pytest.mark.parametrize("form", [DataFormat.TSV, DataFormat.MLPERF])
def test_a_job_that_is_killed_again_and_again_ends_the_same(tmp_path, form):
    moments = moments_of("synthesize", job_of(tmp_path / "whole", form, rows=20_000))
    assert moments["draw"] >= 3
    killed = job_of(tmp_path / "killed", form, rows=20_000)
    # Two while rows are drawn, two when some files have their names already.
    for stage, number, later_s in (("draw", 0, 0.003), ("draw", 1, 0), ("move", 1, 0), ("move", 2, 0)):
        kill("synthesize", killed, stage, number, later_s)
        assert not {MANIFEST, PLANTED_FILE} & {path.name for path in (tmp_path / "killed").iterdir()}
    synthesize(killed, silent())
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_what_a_job_killed_between_two_names_left_is_known_again_and_nothing_else_is_touched(tmp_path):
    kill("synthesize", job_of(tmp_path, DataFormat.TSV), "move", 2, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".synthetic", "day_0", "day_1"]
    (tmp_path / "day_1").write_text("real")  # somebody moved a file of the same name here
    with pytest.raises(DataError, match="day_1 exists and is not known to be made up"):
        synthesize(job_of(tmp_path, DataFormat.TSV), silent())
    synthesize(job_of(tmp_path, DataFormat.TSV, days=1), silent())
    assert (tmp_path / "day_1").read_text() == "real"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day_0", "day_1", PLANTED_FILE]
    assert [file.name for file in read_planted(tmp_path).files] == ["day_0"]


def test_other_orders_are_refused_and_restart_forgets_the_stopped_job(tmp_path):
    kill("synthesize", job_of(tmp_path / "set", DataFormat.MLPERF), "rows", 0, 0)
    other = {"seed": 3, "rows": 100}
    with pytest.raises(DataError, match=r"holds a stopped job with other orders: .*--restart to forget it"):
        synthesize(job_of(tmp_path / "set", DataFormat.MLPERF, **other), silent())
    synthesize(job_of(tmp_path / "set", DataFormat.MLPERF, **other, restart=True), silent())
    synthesize(job_of(tmp_path / "new", DataFormat.MLPERF, **other), silent())
    assert contents(tmp_path / "set") == contents(tmp_path / "new")


def test_a_stopped_job_goes_on_and_ends_the_same(tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    synthesize(job_of(whole, DataFormat.MLPERF), silent())
    drawn = []

    def stop_at_the_second(path, shard):
        if len(drawn) == 1:
            raise KeyboardInterrupt
        write_shard(path, shard)
        drawn.append(path)

    write_shard = drawn_shards.write_shard
    stopped = job_of(tmp_path / "stopped", DataFormat.MLPERF, threads=1)
    with monkeypatch.context() as patch:
        patch.setattr(drawn_shards, "write_shard", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            synthesize(stopped, silent())
    assert len(drawn) == 1
    synthesize(stopped, silent())
    assert contents(tmp_path / "stopped") == contents(whole)
