"""What a parse of raw files made, read back from its shards."""

import numpy as np

from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.parse import parse_inputs
from pinbench.worker.data.criteo.progress import Progress
from pinbench.worker.data.criteo.shard import read_shard


def quiet():
    """Return a progress that says nothing."""
    return Progress(say=lambda line: None)


def parse(inputs, folder, rows=None, threads=2, progress=None):
    """Parse `inputs` with little memory, so that shards are as small as they get."""
    return parse_inputs([str(name) for name in inputs], folder, rows, 1, threads, progress or quiet())


def shard_rows_of(path):
    """Return [label, 13 integers, 26 hashes] of each row of a shard; None where a field is missing."""
    shard = read_shard(path)
    assert all(int(of_column.count_D.sum()) == shard.rows for of_column in shard.dictionaries)
    columns = [shard.label_B.tolist()]
    columns += [[None if value == MISSING else value for value in column] for column in shard.dense_IB.tolist()]
    for local_B, of_column in zip(shard.local_FB, shard.dictionaries, strict=True):
        keys = [None if entry == of_column.missing else key for entry, key in enumerate(of_column.key_D.tolist())]
        assert np.array_equal(np.bincount(local_B, minlength=len(keys)), of_column.count_D)
        columns.append([keys[entry] for entry in local_B.tolist()])
    return [list(row) for row in zip(*columns, strict=True)]


def input_rows(parsed):
    """Return the rows of each input."""
    rows = []
    for given in parsed.inputs:
        of_shards = [shard_rows_of(shard.path) for shard in given.shards]
        assert [len(of_shard) for of_shard in of_shards] == [shard.rows for shard in given.shards]
        rows.append([row for of_shard in of_shards for row in of_shard])
    return rows
