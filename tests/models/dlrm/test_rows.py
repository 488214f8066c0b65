import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.rows import BLOCK_ROWS, SeededOrigin, bfloat16_bits, fill_tables, gather_rows


def config_of(*table_rows: int, width: int = 8) -> DlrmConfig:
    return make_config(embedding_dim=width, bottom=f"13-{width}", over="16-1", table_rows=table_rows, interaction="dot")


@pytest.mark.parametrize("width", [8, 7])
def test_any_row_drawn_alone_equals_the_row_drawn_with_its_table(width):
    origin = SeededOrigin(config_of(100, 50, width=width), seed=1)
    table = origin.rows(1, 0, 50)
    assert table.shape == (50, width)
    for row in (0, 17, 49):
        np.testing.assert_array_equal(origin.rows(1, row, row + 1)[0], table[row])


def test_tables_are_uniform_within_the_references_bounds_and_differ():
    origin = SeededOrigin(config_of(10_000, 10_000), seed=1)
    rows = origin.rows(0, 0, 10_000)
    assert abs(rows).max() <= 0.01
    assert rows.std() == pytest.approx(0.01 / math.sqrt(3), rel=0.01)  # of a uniform distribution
    assert abs(np.corrcoef(rows.ravel(), origin.rows(1, 0, 10_000).ravel())[0, 1]) < 0.01


def test_another_seed_gives_other_weights_and_the_same_seed_the_same():
    config = config_of(5)
    first, again, other = (SeededOrigin(config, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.rows(0, 0, 5), again.rows(0, 0, 5))
    assert torch.equal(first.stacks()["bot_l.0.weight"], again.stacks()["bot_l.0.weight"])
    assert not np.array_equal(first.rows(0, 0, 5), other.rows(0, 0, 5))
    assert not torch.equal(first.stacks()["bot_l.0.weight"], other.stacks()["bot_l.0.weight"])


def test_linear_weights_have_the_references_deviation():
    config = make_config(embedding_dim=256, bottom="512-256", over="64-1", table_rows=(2,), interaction="dot")
    weights = SeededOrigin(config, seed=0).stacks()
    assert weights["bot_l.0.weight"].std().item() == pytest.approx(math.sqrt(2 / (512 + 256)), rel=0.02)
    assert weights["bot_l.0.bias"].std().item() == pytest.approx(math.sqrt(1 / 256), rel=0.15)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_filled_block_holds_all_tables_behind_each_other_whatever_the_threads(threads):
    config = config_of(BLOCK_ROWS + 5, 3)
    origin = SeededOrigin(config, seed=4)
    block = np.empty((BLOCK_ROWS + 8, 8), np.float32)
    with ThreadPoolExecutor(threads) as pool:
        fill_tables(block, origin, config.table_rows, pool)
    np.testing.assert_array_equal(block[: BLOCK_ROWS + 5], origin.rows(0, 0, BLOCK_ROWS + 5))
    np.testing.assert_array_equal(block[BLOCK_ROWS + 5 :], origin.rows(1, 0, 3))


def test_bfloat16_bits_round_as_pytorch_does():
    values = np.concatenate(
        [np.random.default_rng(0).normal(size=1000), [0.0, -0.0, 1.00390625, 1.01171875, 3e38, 1e-40]]
    ).astype(np.float32)
    expected = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    np.testing.assert_array_equal(bfloat16_bits(values), expected)


def test_gathered_rows_come_from_each_features_own_table():
    origin = SeededOrigin(config_of(5, 9), seed=0)
    rows_BFD = gather_rows(origin, torch.tensor([[4, 8], [0, 2], [4, 2]]))
    assert rows_BFD.shape == (3, 2, 8)
    assert torch.equal(rows_BFD[2, 0], rows_BFD[0, 0])
    np.testing.assert_array_equal(rows_BFD[0, 1].numpy(), origin.rows(1, 8, 9)[0])
    np.testing.assert_array_equal(rows_BFD[1, 0].numpy(), origin.rows(0, 0, 1)[0])
