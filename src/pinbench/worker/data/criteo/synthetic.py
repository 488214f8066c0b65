"""Random rows of the shape of a Criteo click log, each shard its own.

Categories follow a power law in their rank: P(rank r) is the integral of x ** -alpha from r + 1 to r + 2, for r = 0 ..
rows - 1, which can be inverted in closed form (no table of 40 million probabilities; alpha 0 is uniform). Rank r is row
(r * stride + offset) % rows, with `stride` prime to `rows` and near rows / golden ratio: a permutation, so that each
row keeps its own rank, that puts hot rows far apart. Without it the hottest rows would be neighbours, share
cache lines and pages, and flatter every measurement. All shards and seeds share the permutation: they are readers of
one model, whose hot rows are the same for all.

Integers are log-normal with a share of zeros. Rows depend on (seed, shard) alone, and more rows begin with the same
rows; across CPUs of other vector width the power of numpy may differ in its last bit, so one id in about 10**8 may too.

B rows, I integers, F categories.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.form import Rows

# Of the first 1,000 rows of day 0 of the Criteo 1TB Click Logs, for each integer column: the share that is missing or
# not positive; mean and standard deviation of log(x + 1) of the rest; the share of clicks.
_ZERO_SHARE_I = np.array([0.23, 0.09, 0.31, 0.54, 0.44, 0.84, 0.97, 0.18, 0.26, 0.84, 0.44, 0.02, 0.26])
LOG_MEAN_I = np.array([2.30, 5.20, 1.78, 3.75, 2.06, 1.39, 1.01, 3.19, 2.09, 0.75, 1.27, 7.85, 1.88])
LOG_SPREAD_I = np.array([1.29, 1.57, 0.82, 1.56, 1.21, 0.84, 0.60, 1.91, 0.89, 0.15, 0.70, 2.57, 0.90])
_CLICK_SHARE = 0.021

_LARGEST_LOG = math.log(np.iinfo(np.int32).max)
_GOLDEN_SHARE = (math.sqrt(5) - 1) / 2  # least regular of all multiples: any run of ranks lies nearly evenly
_BLOCK_ROWS = 4096  # intermediate values of a block stay in the L2 cache


def synthetic_rows(
    *, rows: int, table_rows: Sequence[int], alpha: float, seed: int, shard: int, hots: Sequence[int] = ()
) -> Rows:
    """Return `rows` random rows for tables of `table_rows`; sparse_BF has one column a table, or as many as `hots`.

    Raises:
        UsageError: `alpha` is negative or no number, or `seed` is negative.
    """
    if not (math.isfinite(alpha) and alpha >= 0):
        raise UsageError(f"the exponent of the power law must be 0 (uniform) or more, got {alpha}")
    if seed < 0:
        raise UsageError(f"SEED must be 0 or more, got {seed}")
    # spawn_key as SeedSequence.spawn() sets it: streams of one seed are independent (numpy, "Parallel random numbers")
    ids, zeros, sizes, clicks = (
        np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(shard, stream))) for stream in range(4)
    )
    label_B = (clicks.random(rows) < _CLICK_SHARE).astype(np.int32)
    dense_BI = np.empty((rows, len(_ZERO_SHARE_I)), np.int32)
    law = _PowerLaw(table_rows, alpha, hots or (1,) * len(table_rows))
    sparse_BF = np.empty((rows, law.columns), np.int32)
    for block in _blocks(rows):
        dense_BI[block] = _integers(block.stop - block.start, zeros, sizes)
        sparse_BF[block] = law.rows(ids.random((block.stop - block.start, law.columns)))
    return Rows(label_B=label_B, dense_BI=dense_BI, sparse_BF=sparse_BF)


class _PowerLaw:
    """The inverse of the distribution function for all tables at once, and the permutation.

    All columns of one table, as many as `hots` says, follow one law.
    """

    def __init__(self, table_rows: Sequence[int], alpha: float, hots: Sequence[int]):
        self.columns = sum(hots)
        rows = np.array(table_rows, np.int64)
        self._rows_F = rows.repeat(hots)
        self._stride_F = np.array([_stride(size) for size in table_rows], np.int64).repeat(hots)
        self._offset_F = (np.arange(len(table_rows), dtype=np.int64) * 7919 % rows).repeat(hots)  # tables begin apart
        # Integral of x ** -alpha from 1 to rows + 1, shifted and inverted; its limit at alpha 1 is the logarithm.
        self._power = 1.0 - alpha
        self._is_harmonic = abs(self._power) < 1e-6  # nearer than that the difference below loses its digits
        top_F = (self._rows_F + 1).astype(np.float64)
        self._scale_F = np.log(top_F) if self._is_harmonic else np.expm1(self._power * np.log(top_F))

    def rows(self, uniform_BF: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Return a row of each table for each number from [0, 1)."""
        log_BF = uniform_BF * self._scale_F
        if not self._is_harmonic:
            log_BF = np.log1p(log_BF) / self._power
        rank_BF = np.exp(log_BF).astype(np.int64) - 1
        # Rounding may reach one past the end of a large table.
        rank_BF = np.clip(rank_BF, 0, self._rows_F - 1)
        moved_BF: npt.NDArray[np.int64] = (rank_BF * self._stride_F + self._offset_F) % self._rows_F
        return moved_BF


def _stride(rows: int) -> int:
    stride = max(1, round(rows * _GOLDEN_SHARE))
    while math.gcd(stride, rows) != 1:
        stride += 1
    return stride


def _blocks(rows: int) -> Iterator[slice]:
    for begin in range(0, rows, _BLOCK_ROWS):
        yield slice(begin, min(begin + _BLOCK_ROWS, rows))


def _integers(rows: int, zeros: np.random.Generator, sizes: np.random.Generator) -> npt.NDArray[np.int32]:
    log_BI = sizes.standard_normal((rows, len(_ZERO_SHARE_I)))
    log_BI *= LOG_SPREAD_I
    log_BI += LOG_MEAN_I
    np.clip(log_BI, 0, _LARGEST_LOG, out=log_BI)
    value_BI = np.rint(np.expm1(log_BI)).astype(np.int32)
    value_BI[zeros.random(value_BI.shape) < _ZERO_SHARE_I] = 0
    return value_BI
