"""Batches that are read ahead, compared with rows whose values say which row they are."""

import multiprocessing
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFormat
from pinbench.worker.data.criteo.batch import logarithm
from pinbench.worker.data.criteo.batches import Split
from pinbench.worker.data.criteo.form import Rows

CPUS = os.sched_getaffinity(0)


@dataclass
class Numbered:
    """A reader whose row r has the integers r, the ids r % 1000 and the label r % 2; `bad` rows are damaged."""

    rows: int
    bad: int | None = None
    dtype: type = np.int32
    path: Path = Path("numbered.bin")
    sha256: str | None = None
    row_bytes: int = 160
    loaded_bytes: int = 0
    table_rows: tuple[int, ...] = (1000,) * 26
    seen: list[tuple[int, int]] = field(default_factory=list)
    threads: set[threading.Thread] = field(default_factory=set)

    def read(self, begin, end):
        self.seen.append((begin, end))
        self.threads.add(threading.current_thread())
        assert 0 <= begin < end <= self.rows
        if self.bad is not None and begin <= self.bad < end:
            raise DataError(f"numbered.bin is damaged at row {self.bad}")
        number = np.arange(begin, end, dtype=np.int32)
        return Rows(
            label_B=number % 2,
            dense_BI=np.repeat(number[:, None], 13, axis=1).astype(self.dtype),
            sparse_BF=np.repeat(number[:, None] % 1000, 26, axis=1),
        )


def split_of(reader, max_ind_range=None):
    return Split(reader, "test", DataFormat.MLPERF, max_ind_range)


def row_numbers(batch):
    return torch.round(torch.expm1(batch.dense_BI[:, 0].double())).long().tolist()


def taken(reader, *, batch_size, batches, shard=0, shards=1, threads=2, max_ind_range=None):
    stream = split_of(reader, max_ind_range).stream(batch_size, shard, shards, threads=threads, cpus=CPUS)
    try:
        return [(row_numbers(batch), batch.sparse_BF[:, 3].tolist(), batch.label_B.tolist()) for batch in
                (stream.next() for _ in range(batches))], stream.flow()  # fmt: skip
    finally:
        stream.close()


@pytest.mark.parametrize(
    ("batch_size", "rows"), [(1, 5000), (7, 5000), (64, 100), (100, 64), (3000, 10_000), (5000, 7)]
)
def test_rows_come_in_the_order_of_the_file_and_begin_again_after_the_last(batch_size, rows):
    batches = max(3, 2 * rows // batch_size)
    found, _ = taken(Numbered(rows), batch_size=batch_size, batches=batches)
    expected = [number % rows for number in range(batch_size * batches)]
    assert [number for numbers, _, _ in found for number in numbers] == expected
    assert [id_ for _, ids, _ in found for id_ in ids] == [number % 1000 for number in expected]
    assert [label for _, _, labels in found for label in labels] == [number % 2 for number in expected]


def test_a_shard_is_read_round_and_round_within_its_own_rows():
    found, flow = taken(Numbered(100), batch_size=10, batches=8, shard=1, shards=3)
    assert [number for numbers, _, _ in found for number in numbers] == [33 + number % 33 for number in range(80)]
    assert (flow.rows, flow.read_bytes, flow.threads) == (80, 80 * 160, 2)
    assert "rows 33 to 65 of 100" in split_of(Numbered(100)).stream_facts(10, 1, 3).detail


def test_the_same_batches_come_as_those_that_are_ready_before_the_window():
    split = split_of(Numbered(9000), max_ind_range=300)
    ready = split.batches(50, 1, 2, 40)
    stream = split.stream(50, 1, 2, threads=3, cpus=CPUS)
    for expected in ready:
        batch = stream.next()
        assert torch.equal(batch.dense_BI, expected.dense_BI)  # to the last bit of the logarithm
        assert torch.equal(batch.sparse_BF, expected.sparse_BF)
        assert torch.equal(batch.label_B, expected.label_B)
        assert int(batch.sparse_BF.max()) < 300
    stream.close()


def test_the_logarithm_is_torch_s_whatever_the_number_of_rows():
    whole_BI = np.random.default_rng(0).integers(0, 1 << 31, (5000, 13)).astype(np.int32)
    whole_BI[:, 0] = np.arange(5000)
    expected_BI = torch.log(torch.from_numpy(whole_BI).to(torch.float32) + 1).numpy()
    for begin, end in ((0, 5000), (1, 2), (3, 160), (11, 4001)):
        assert np.array_equal(logarithm(whole_BI[begin:end]), expected_BI[begin:end])


def test_rows_whose_logarithm_is_in_the_file_are_taken_as_they_are():
    split = split_of(Numbered(64, dtype=np.float32))
    stream = split.stream(64, 0, 1, threads=1, cpus=CPUS)
    assert stream.next().dense_BI[:, 12].tolist() == list(range(64))
    assert split.batches(64, 0, 1, 1)[0].dense_BI[:, 12].tolist() == list(range(64))
    stream.close()


@pytest.mark.parametrize("batch_size", [1, 3, 2048, 2500])
def test_tensors_are_contiguous_and_aligned(batch_size):
    stream = split_of(Numbered(5000)).stream(batch_size, 0, 1, threads=1, cpus=CPUS)
    for _ in range(5):
        batch = stream.next()
        for tensor in (batch.dense_BI, batch.sparse_BF, batch.label_B):
            assert tensor.is_contiguous()
            assert tensor.data_ptr() % 64 == 0
    stream.close()


def test_memory_does_not_grow_with_the_rows_that_pass():
    stream = split_of(Numbered(100_000)).stream(2048, 0, 1, threads=2, cpus=CPUS)
    places = {stream.next().dense_BI.data_ptr() for _ in range(100)}
    assert len(places) == 32_768 // 2048
    stream.close()


def test_damage_is_an_error_in_the_step_that_would_have_had_the_rows_and_leaves_no_thread():
    reader = Numbered(100_000, bad=50_000)
    stream = split_of(reader).stream(2048, 0, 1, threads=2, cpus=CPUS)
    assert [row_numbers(stream.next())[0] for _ in range(24)] == [2048 * number for number in range(24)]
    with pytest.raises(DataError, match=r"numbered\.bin is damaged at row 50000"):
        stream.next()
    stream.close()
    assert len(reader.threads) <= 2
    assert not any(thread.is_alive() for thread in reader.threads)


def test_reading_starts_no_threads_but_its_own():
    """torch would give each thread that calls it a team of OpenMP threads."""
    # in a process of its own: what other tests did with torch's threads decides whether this thread needs a new team
    with multiprocessing.get_context("spawn").Pool(1) as alone:
        assert alone.apply(new_threads_of_a_stream) == 1


def new_threads_of_a_stream():
    before = set(Path("/proc/self/task").iterdir())
    stream = split_of(Numbered(50_000)).stream(16_384, 0, 1, threads=1, cpus=CPUS)
    for _ in range(4):
        stream.next()
    after = set(Path("/proc/self/task").iterdir())
    stream.close()
    return len(after - before)


def test_ranges_that_are_read_are_short():
    reader = Numbered(10_000)
    taken(reader, batch_size=5000, batches=2)
    assert max(end - begin for begin, end in reader.seen) == 2048


def test_more_instances_than_rows_are_refused():
    with pytest.raises(DataError, match="has 2 rows for 3 instances; set INSTANCE_NUMBER to 2 or less"):
        split_of(Numbered(2)).stream(1, 0, 3, threads=1, cpus=CPUS)
