from functools import cache

import pytest

from pinbench.contract.data import DataEngine, DataFormat, PrepareJob, SynthesizeJob
from pinbench.worker.data.criteo import synthesize as module
from pinbench.worker.data.criteo.manifest import read_manifest
from pinbench.worker.data.criteo.planted import plant
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
