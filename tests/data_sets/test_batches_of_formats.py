"""Batches of each prepared form, from files laid out by hand."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from criteo_sets import (
    flip,
    numbered_rows,
    write_kaggle,
    write_manifest,
    write_mlperf,
    write_nvidia,
    write_torchrec,
)

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFormat
from pinbench.worker.data.criteo.batches import open_split
from pinbench.worker.data.criteo.describe import read_description

ROWS = 300
CPUS = os.sched_getaffinity(0)


def log(shift):
    return lambda dense: np.log(dense + shift)


# form: how it is written, the rows of its test split, the logarithm in its batches, its tolerance
FORMS = {
    DataFormat.MLPERF: (write_mlperf, slice(0, ROWS), log(1.0), 1e-6),
    DataFormat.WSF: (
        lambda path, rows: write_mlperf(path, rows, counts_name="day0_fea_count.npz"),
        slice(0, ROWS),
        log(1.0),
        1e-6,
    ),
    DataFormat.NVIDIA: (write_nvidia, slice(0, ROWS), log(3.0), 2e-3),
    DataFormat.TORCHREC: (write_torchrec, slice(200, ROWS), log(2.0), 1e-6),
    DataFormat.MULTIHOT: (
        lambda path, rows: write_torchrec(path, rows, has_one_hot=False), slice(200, ROWS), log(2.0), 1e-6,
    ),
    DataFormat.KAGGLE: (write_kaggle, slice(258, 279), log(1.0), 1e-6),  # 6 parts of 43 rows, half of the last of 42
}  # fmt: skip


@pytest.fixture(params=FORMS, ids=str)
def form(request, tmp_path):
    write, rows, logarithm, tolerance = FORMS[request.param]
    label, dense, sparse = (values[rows] for values in numbered_rows(ROWS))
    return request.param, write(tmp_path / "set", ROWS), (label, logarithm(dense), sparse), tolerance


def test_batches_are_the_rows_of_the_files(form):
    kind, directory, (label, dense, sparse), tolerance = form
    split = open_split(directory, "test", 40)
    assert split.rows == len(label)
    assert max(split.table_rows) <= 40
    (batch,) = split.batches(len(label), 0, 1, 1)
    assert np.allclose(batch.dense_BI.numpy(), dense, rtol=0, atol=tolerance)
    assert np.array_equal(batch.sparse_BF.numpy(), sparse % 40)
    assert np.array_equal(batch.label_B.numpy(), label)
    assert batch.sparse_BF.is_contiguous()
    assert split.facts(8, 0, 1, 1).detail.startswith(f"{kind} {directory}")


def test_batches_that_are_read_ahead_are_the_same(form):
    _, directory, (label, _, _), _ = form
    split = open_split(directory, "test", 40)
    shard_rows = len(label) - len(label) // 2
    (ready,) = split.batches(shard_rows, 1, 2, 1)
    stream = split.stream(16, 1, 2, threads=2, cpus=CPUS)
    for number in range(20):
        row_B = torch.arange(number * 16, (number + 1) * 16) % shard_rows
        batch = stream.next()
        assert torch.equal(batch.dense_BI, ready.dense_BI[row_B])
        assert torch.equal(batch.sparse_BF, ready.sparse_BF[row_B])
        assert torch.equal(batch.label_B, ready.label_B[row_B])
    stream.close()


def test_it_is_described(form):
    kind, directory, (label, _, sparse), _ = form
    found = read_description(directory, head_rows=2, verify=True)
    assert (found.format, found.faults, found.provenance) == (kind, (), None)
    split = next(split for split in found.splits if split.name == "test")
    assert (split.rows, split.labelled_rows, split.clicks) == (len(label), len(label), label.sum())
    assert [row.sparse for row in split.head] == [tuple(row) for row in sparse[:2].tolist()]


def test_splits_of_days_are_all_described(tmp_path):
    found = read_description(write_torchrec(tmp_path / "set", ROWS), head_rows=0, verify=False)
    assert [(split.name, split.rows) for split in found.splits] == [("train", 100), ("val", 100), ("test", 100)]


def test_of_several_ids_in_a_column_the_first_is_taken_and_the_record_says_so(tmp_path):
    split = open_split(write_torchrec(tmp_path / "set", ROWS, has_one_hot=False), "test", None)
    assert "the first of the ids of each column" in split.facts(8, 0, 1, 1).detail


def test_a_chunk_that_was_damaged_after_it_was_written_ends_the_steps_that_need_it(tmp_path):
    directory = write_mlperf(tmp_path / "set", 70_000)  # 65,536 of them in the first chunk
    write_manifest(directory, DataFormat.MLPERF, 70_000)
    flip(directory / "terabyte_processed_test.bin", 160 * 69_000 + 4)  # an integer: one that is as good as any other
    split = open_split(directory, "test", None)
    stream = split.stream(8192, 0, 1, threads=2, cpus=CPUS)
    for _ in range(8):  # 65,536 rows
        stream.next()
    with pytest.raises(DataError, match=r"terabyte_processed_test\.bin is damaged within bytes 10485760 to 11200000"):
        stream.next()
    stream.close()
    assert "sha256 " in split.stream_facts(8192, 0, 1).detail


def test_a_packed_archive_is_unpacked_and_the_record_says_how_much(tmp_path):
    split = open_split(write_kaggle(tmp_path / "set", ROWS, is_packed=True), "test", None)
    ids, integers, labels, counts = ROWS * 26 * 8, ROWS * 13 * 4, ROWS * 4, 26 * 4
    assert f"packed, so {(ids + integers + labels + counts) / 1024:.1f} KiB of it were unpacked" in (
        split.facts(8, 0, 1, 1).detail
    )
    (batch,) = split.batches(21, 0, 1, 1)
    assert np.array_equal(batch.sparse_BF.numpy(), numbered_rows(ROWS)[2][258:279])


def test_an_archive_that_is_packed_and_too_large_for_the_memory_is_refused(tmp_path, monkeypatch):
    directory = write_kaggle(tmp_path / "set", ROWS, is_packed=True)
    monkeypatch.setattr("pinbench.worker.data.criteo.format.npz_file.available_bytes", lambda: 100_000)
    with pytest.raises(
        DataError, match=r"X_cat\.npy is packed and would take 61\.1 KiB of memory .* 97\.7 KiB are free"
    ):
        open_split(directory, "test", None)
    assert open_split(write_kaggle(tmp_path / "plain", ROWS), "test", None).rows == 21


def test_raw_rows_are_not_read_as_batches(tmp_path):
    (tmp_path / "day_0").write_text("1\n")
    with pytest.raises(DataError, match="holds raw rows, which no model takes; prepare them with: pinbench data"):
        open_split(tmp_path, "test", None)


def test_reading_needs_neither_the_compiler_nor_the_unpacker_of_preparation():
    program = """
import sys
from pinbench.base.plugin import load_plugin, plugin_names
from pinbench.contract.data import DataFormat
from pinbench.worker.data.criteo import format as formats
from pinbench.worker.recipes import dlrm
for kind in DataFormat:
    if kind in plugin_names(formats):
        load_plugin(formats, kind)
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"numba", "llvmlite", "isal", "pyspark"}))
"""
    source = str(Path(__file__).parents[2] / "src")
    said = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": source}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert said.stdout.split() == []
