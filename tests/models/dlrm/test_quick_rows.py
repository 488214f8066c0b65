"""Rows by the compiled kernel against numpy's, bit by bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cpu_marks import needs_compiler

from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.models.dlrm.numpy_origin import NumpyOrigin
from pinbench.worker.models.dlrm.quick_rows import quick_write
from pinbench.worker.models.dlrm.rows import BLOCK_ROWS, SeededOrigin, bfloat16_bits, fill_tables

pytestmark = needs_compiler

ROWS = (BLOCK_ROWS + 5, 1, 2 * BLOCK_ROWS, 77)


def config(width):
    return make_config(embedding_dim=width, bottom=f"13-{width}", over="16-1", table_rows=ROWS, interaction="dot")


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


# A block of 1024 rows, and what is left of each table: whole parts of the kernel's four streams, and draws behind them.
@pytest.mark.parametrize("width", [2, 6, 64, 128])
@pytest.mark.parametrize("seed", [0, 12345])
def test_a_store_that_the_kernel_fills_holds_the_bits_that_numpy_draws(cache_dir, width, seed):
    origin = SeededOrigin(config(width), seed)
    quick = quick_write(origin, cache_dir)
    block = np.empty((sum(ROWS), width), np.float32)
    with ThreadPoolExecutor(3) as pool:
        fill_tables(block, origin, ROWS, pool, quick)
    expected = np.concatenate([origin.rows(table, 0, rows) for table, rows in enumerate(ROWS)])
    np.testing.assert_array_equal(block.view(np.uint32), expected.view(np.uint32))


def test_bfloat16_is_rounded_as_elsewhere(cache_dir):
    origin = SeededOrigin(config(64), 3)
    block = np.empty((ROWS[2], 64), np.uint16)
    quick_write(origin, cache_dir)(2, 0, block)
    np.testing.assert_array_equal(block, bfloat16_bits(origin.rows(2, 0, ROWS[2])))


def test_rows_in_the_middle_of_a_table_are_found_by_a_jump(cache_dir):
    origin = SeededOrigin(config(128), 3)
    block = np.empty((9, 128), np.float32)
    quick_write(origin, cache_dir)(2, 1777, block)
    np.testing.assert_array_equal(block, origin.rows(2, 1777, 1786))


def test_what_the_kernel_does_not_draw_is_asked_of_its_origin(cache_dir, monkeypatch, tmp_path):
    assert quick_write(SeededOrigin(config(7), 0), cache_dir) is None
    assert quick_write(NumpyOrigin(config(8), 0), cache_dir) is None
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no compiler
    assert quick_write(SeededOrigin(config(8), 0), cache_dir) is None
