"""The system under test: whatever the batches, each query gets the probabilities and labels of its own pairs."""

import ctypes

import numpy as np
import pytest
import torch

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.loadgen.samples import Samples
from pinbench.worker.loadgen.system import Query, System

SIZES = np.array([3, 1, 7, 2, 5, 4])
FIRST = np.concatenate([[0], np.cumsum(SIZES)[:-1]])


def read(begin, end):
    numbers = torch.arange(begin, end)
    return Batch(dense_BI=numbers[:, None].float(), sparse_BF=numbers[:, None], label_B=(numbers % 3 == 0).float())


class Replies:
    """Stands for LoadGen: copies each reply while it must still be there."""

    def __init__(self):
        self.by_id = {}

    def complete(self, responses):
        for number, address, size in responses:
            assert number not in self.by_id, "a query is answered once"
            self.by_id[number] = np.frombuffer(ctypes.string_at(address, size), np.float32).reshape(-1, 2)


def system(replies, batch_size, compute=lambda batch: batch.dense_BI[:, 0] / 100):
    shapes = []

    def checked(batch):
        shapes.append(len(batch.dense_BI))
        return compute(batch)

    samples = Samples(SIZES, read)
    samples.load(range(len(SIZES)))
    made = System(samples, checked, batch_size, replies.complete, lambda *reply: reply)
    return made, shapes


def expected(index):
    rows = np.arange(FIRST[index], FIRST[index] + SIZES[index])
    return np.stack([(rows / 100).astype(np.float32), (rows % 3 == 0).astype(np.float32)], axis=1)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 22, 64])
@pytest.mark.parametrize("verb", ["answer", "answer_in_groups"])
def test_each_query_gets_its_own_pairs_and_batches_are_whole(batch_size, verb):
    replies = Replies()
    made, shapes = system(replies, batch_size)
    order = [4, 0, 2, 2, 5, 1, 3]
    getattr(made, verb)([Query(100 + place, index) for place, index in enumerate(order)])
    assert set(replies.by_id) == set(range(100, 107))
    for place, index in enumerate(order):
        np.testing.assert_array_equal(replies.by_id[100 + place], expected(index))
    assert set(shapes) == {batch_size}
    if verb == "answer":
        assert len(shapes) == -(-int(SIZES[order].sum()) // batch_size)


def test_a_model_that_fails_is_remembered_and_all_queries_are_still_answered():
    def fail(batch):
        raise ValueError("no")

    replies = Replies()
    made, _ = system(replies, 4, fail)
    made.answer([Query(1, 0), Query(2, 1)])
    made.answer([Query(3, 2)])
    assert str(made.failure) == "no"
    assert {number: len(reply) for number, reply in replies.by_id.items()} == {1: 0, 2: 0, 3: 0}
