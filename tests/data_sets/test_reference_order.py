import numpy as np
import pytest
from criteo_reference import shuffled_train

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.reference_order import ReferenceOrder


def places(tmp_path, day_rows, seed):
    keys = ReferenceOrder(tmp_path / "order", day_rows, seed).keys(0, sum(day_rows[:-1]))
    return np.argsort(keys).tolist()


def plain(day_rows, seed):
    begins = np.concatenate([[0], np.cumsum(day_rows)])
    return shuffled_train([range(begin, begin + rows) for begin, rows in zip(begins, day_rows, strict=False)], seed)


@pytest.mark.parametrize(
    "day_rows", [(5, 4, 3), (100, 1, 300, 7, 50), (40, 60), (1, 1, 1), (7, 1000, 7, 2000, 900, 3), (3, 0)]
)
@pytest.mark.parametrize("seed", [0, 123])
def test_rows_come_in_the_order_of_plain_loops(tmp_path, day_rows, seed):
    assert places(tmp_path, list(day_rows), seed) == plain(day_rows, seed)


def test_days_larger_than_a_block_of_draws_and_many_draws_again(tmp_path, monkeypatch):
    monkeypatch.setattr("pinbench.worker.data.criteo.reference_order._DRAWS", 3)
    monkeypatch.setattr("pinbench.worker.data.criteo.reference_order._BLOCK_ROWS", 10)
    day_rows = [300, 2, 40, 150, 33]
    assert places(tmp_path, day_rows, 5) == plain(day_rows, 5)


def test_keys_of_parts_are_those_of_the_whole_and_the_file_is_used_again(tmp_path):
    order = ReferenceOrder(tmp_path / "order", [30, 20, 10], 1)
    again = ReferenceOrder(tmp_path / "order", [30, 20, 10], 1)
    assert np.concatenate([again.keys(0, 17), again.keys(17, 50)]).tolist() == order.keys(0, 50).tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["order"]


@pytest.mark.parametrize("seed", [-1, 1 << 32])
def test_a_seed_that_numpy_does_not_take_is_refused(tmp_path, seed):
    with pytest.raises(
        UsageError, match=f"--seed must be from 0 to 4294967295 for the order of the reference, got {seed}"
    ):
        ReferenceOrder(tmp_path / "order", [3, 3], seed)
