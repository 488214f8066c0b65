"""Outputs of the multi-hot DLRM against fp32, on rows that are drawn again from their origin.

To draw any row of a stream again takes all before it, so the check has samples of its own, whose ids lie where the
origin can begin: at the first rows of each of its pieces.

B samples, F sparse features, D embedding width, N ids of all bags together, R rows of all tables.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pinbench.base.errors import ModelError
from pinbench.contract.result import Quality
from pinbench.worker.data.bags.batch import BagBatch
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.numpy_origin import NumpyOrigin
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.onednn.fpmath import full_fp32

_CHECKED_SAMPLES = 64
_WINDOW_ROWS = 512  # of each piece; two pieces a table


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Rows of all tables that were drawn again: where they lie in the block, table by table, and their values."""

    row_FN: tuple[Tensor, ...]
    value_FND: tuple[Tensor, ...]


def draw_again(config: DlrmConfig, origin: NumpyOrigin) -> Drawn:
    """Return some rows of each table, straight from their origin."""
    rows: list[list[Tensor]] = [[] for _ in config.table_rows]
    values: list[list[Tensor]] = [[] for _ in config.table_rows]
    first_rows = [0, *np.cumsum(config.table_rows).tolist()]
    for table, begin, end in origin.pieces():
        last = min(end, begin + _WINDOW_ROWS)
        rows[table].append(torch.arange(begin, last) + first_rows[table])
        values[table].append(torch.from_numpy(origin.rows(table, begin, last)))
    return Drawn(row_FN=tuple(map(torch.cat, rows)), value_FND=tuple(map(torch.cat, values)))


def check_outputs(
    config: DlrmConfig,
    origin: NumpyOrigin,
    tables_RD: Tensor,
    step: Callable[[BagBatch], Tensor],
    *,
    batch_size: int,
    most_ids: int,
    tolerance: float,
) -> Quality:
    """Return how far the logits of `step` are from the textbook's in fp32.

    Raises:
        ModelError: further than `tolerance`, or the tables are not what the origin gives.
    """
    drawn = draw_again(config, origin)
    _require_rows(tables_RD, drawn)
    samples = min(_CHECKED_SAMPLES, batch_size)
    random, stacks, errors = np.random.default_rng(0), origin.stacks(), []
    for _ in range(-(-_CHECKED_SAMPLES // batch_size)):
        batch, rows_BFD = _samples(config, drawn, random, samples, batch_size, most_ids)
        with full_fp32():
            expected_B = reference_logits(config, stacks, batch.dense_BI[:samples], rows_BFD).double()
        logit_B = torch.logit(step(batch)[:samples].double())
        errors.append((logit_B - expected_B).abs())
    error = torch.cat(errors).max().item()
    if not error <= tolerance:  # NaN is no error that a tolerance allows
        raise ModelError(
            f"outputs differ from fp32 eager by {error:g} in the logit, {tables_RD.dtype} allows {tolerance:g}: "
            "the number would be of another computation"
        )
    return Quality(samples=samples * len(errors), max_logit_error=error, tolerance=tolerance)


def _require_rows(tables_RD: Tensor, drawn: Drawn) -> None:
    for table, (row_N, value_ND) in enumerate(zip(drawn.row_FN, drawn.value_FND, strict=True)):
        if not torch.equal(tables_RD[row_N], value_ND.to(tables_RD.dtype)):
            raise ModelError(
                f"table {table} does not hold the rows of {tables_RD.dtype} that its origin gives: its memory was "
                "written over"
            )


def _samples(
    config: DlrmConfig, drawn: Drawn, random: np.random.Generator, samples: int, batch_size: int, most_ids: int
) -> tuple[BagBatch, Tensor]:
    """Return a batch that repeats `samples` samples, and their summed fp32 rows, shape (samples, F, D)."""
    bags: list[list[Tensor]] = []
    sums_BFD = torch.empty(samples, config.num_tables, config.embedding_dim)
    for sample in range(samples):
        bags.append([])
        for table, (row_N, value_ND) in enumerate(zip(drawn.row_FN, drawn.value_FND, strict=True)):
            count = min(len(row_N), 1 + int(random.integers(most_ids)))
            place_N = torch.from_numpy(np.sort(random.choice(len(row_N), count, replace=False)))
            bags[-1].append(row_N[place_N])
            sums_BFD[sample, table] = value_ND[place_N].sum(dim=0)
    dense_BI = torch.from_numpy(random.random((samples, config.bottom[0]), dtype=np.float32))
    order_B = [number % samples for number in range(batch_size)]
    all_bags = [bag for number in order_B for bag in bags[number]]
    offset_K = torch.tensor([0, *np.cumsum([len(bag) for bag in all_bags]).tolist()])
    return BagBatch(dense_BI=dense_BI[order_B], row_N=torch.cat(all_bags), offset_K=offset_K), sums_BFD
