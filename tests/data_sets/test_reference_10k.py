"""24 x 10,000 made-up rows against what facebookresearch/dlrm made of them; see tests/data/criteo/ORIGIN.md."""

import hashlib
import json
from pathlib import Path

import pytest
from criteo_jobs import do
from dlrm_digests import arrays

from pinbench.contract.data import DataFormat, RowOrder, SynthesizeJob
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.synthesize import synthesize

EXPECTED = json.loads((Path(__file__).parents[1] / "data/criteo/reference_10k.json").read_text())
DAYS, ROWS = 24, 10_000


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    output = tmp_path_factory.mktemp("raw")
    job = SynthesizeJob(
        dataset="criteo", format=DataFormat.TSV, output=str(output), days=DAYS, rows=ROWS, seed=1,
        max_ind_range=None, table_rows=None, gzip=False, threads=2, force=False, restart=False,
    )  # fmt: skip
    synthesize(job, Progress(say=lambda line: None))
    return [output / f"day_{day}" for day in range(DAYS)]


def sha256(*paths):
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def test_the_made_up_rows_are_those_that_the_reference_was_given(days):
    assert sha256(*days) == EXPECTED["raw_sha256"]


@pytest.mark.parametrize("max_ind_range", [40_000_000, 1000])
def test_binaries_and_counts_are_those_of_the_reference(tmp_path, days, max_ind_range):
    manifest = do(tmp_path, days, order=RowOrder.REFERENCE, max_ind_range=max_ind_range, memory_bytes=1 << 30)
    expected = EXPECTED["terabyte"][str(max_ind_range)]
    made = {name: sha256(tmp_path / name) for name in expected if name.endswith(".bin")}
    made |= {name: arrays(tmp_path / name) for name in expected if name.endswith(".npz")}
    assert made == expected
    assert {name: file.rows for name in made for file in manifest.files if file.name == name and file.rows} == {
        "terabyte_processed_train.bin": 230_000,
        "terabyte_processed_val.bin": 5_000,
        "terabyte_processed_test.bin": 5_000,
    }


def test_the_arrays_of_the_kaggle_archive_are_those_of_the_reference(tmp_path, days):
    raw = tmp_path / "train.txt"
    raw.write_bytes(b"".join(day.read_bytes() for day in days))
    do(tmp_path / "set", [raw], format=DataFormat.KAGGLE, memory_bytes=1 << 30)
    assert arrays(tmp_path / "set/kaggleAdDisplayChallenge_processed.npz") == EXPECTED["kaggle"]
