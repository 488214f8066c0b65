import itertools

import numpy as np
import pytest

from pinbench.contract.data import DataFormat, SynthesizeJob
from pinbench.worker.data.criteo.parse import parse_inputs
from pinbench.worker.data.criteo.planted import plant
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.shard import read_shard
from pinbench.worker.data.criteo.synthetic_rows.drawn_shards import DrawnDays
from pinbench.worker.data.criteo.synthetic_rows.raw_files import write_raw_files

ROWS = 9_000  # two shards and a bit with the memory below
MEMORY_BYTES = 1 << 22


@pytest.fixture(scope="module")
def recipe():
    return plant(None, 5)[0]


@pytest.fixture
def silent():
    return Progress(say=lambda text: None)


def job_of(rows, **changes):
    orders = {
        "dataset": "criteo", "format": DataFormat.TSV, "output": "", "days": 2, "rows": rows, "seed": 5,
        "max_ind_range": None, "table_rows": None, "gzip": False, "threads": 2, "force": False, "restart": False,
    }  # fmt: skip
    return SynthesizeJob(**(orders | changes))


def columns(parsed):
    """Labels, integers, and categories with None for a missing one, of each input."""
    days = []
    for given in parsed.inputs:
        shards = [read_shard(shard.path) for shard in given.shards]
        assert [shard.rows for shard in shards] == [shard.rows for shard in given.shards]
        days.append(
            (
                np.concatenate([shard.label_B for shard in shards]).tolist(),
                np.concatenate([shard.dense_IB for shard in shards], axis=1).tolist(),
                [list(itertools.chain(*(values(shard, feature) for shard in shards))) for feature in range(26)],
            )
        )
    return days


def values(shard, feature):
    dictionary = shard.dictionaries[feature]
    keys = [None if entry == dictionary.missing else int(key) for entry, key in enumerate(dictionary.key_D)]
    assert np.bincount(shard.local_FB[feature], minlength=len(keys)).tolist() == dictionary.count_D.tolist()
    return [keys[local] for local in shard.local_FB[feature]]


@pytest.mark.parametrize("packed", [False, True])
def test_shards_hold_the_rows_that_parsing_the_raw_files_gives(tmp_path, recipe, silent, packed):
    job = job_of(ROWS, gzip=packed)
    (tmp_path / "drawn").mkdir()
    files = write_raw_files(recipe, job, tmp_path, silent)
    names = [str(tmp_path / file.name) for file in files]
    parsed = parse_inputs(names, tmp_path / "parsed", None, 1 << 28, 2, silent)
    drawn = DrawnDays(recipe, job, 0.8).shards(tmp_path / "drawn", MEMORY_BYTES, 1, silent)
    assert [len(given.shards) for given in drawn.inputs] == [3, 3]
    assert [given.name for given in drawn.inputs] == ["day_0", "day_1"]
    assert columns(drawn) == columns(parsed)


def test_whole_shards_are_kept_and_damaged_ones_drawn_again(tmp_path, recipe, silent):
    source = DrawnDays(recipe, job_of(ROWS, days=1), 0.8)
    shards = [shard.path for shard in source.shards(tmp_path, MEMORY_BYTES, 1, silent).inputs[0].shards]
    before = [path.read_bytes() for path in shards]
    kept = shards[0].stat().st_ino
    shards[1].write_bytes(before[1][:-100])
    shards[2].unlink()
    source.shards(tmp_path, MEMORY_BYTES, 2, silent)
    assert shards[0].stat().st_ino == kept
    # Fewer bytes a thread would cut them smaller, but not below 4,096 rows.
    assert [path.read_bytes() for path in shards] == before
