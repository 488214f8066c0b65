"""Accuracy mode of DLRM: each labelled row of a split once, and some of them in fp32 besides.

B rows of a batch or piece, F sparse features, D embedding width.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pinbench.base.errors import UsageError
from pinbench.contract.case import Case, Precision
from pinbench.contract.plan import Instance
from pinbench.contract.result import Accuracy, Comparison, DataFlow
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.batches import Split
from pinbench.worker.data.criteo.stream import Stream
from pinbench.worker.metrics.auc import Scores, roc_auc
from pinbench.worker.metrics.click_scores import SCORE_ROW_BYTES, ClickScores
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import WeightOrigin, pooled_rows
from pinbench.worker.onednn.fpmath import full_fp32
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._dlrm_parts import Model, stream_of

# Rows that are computed in fp32 as well, spread over the split because clicks change with the time of day. The areas
# of the same rows differ by far less than each is uncertain, so a few thousand clicks among them are enough.
_COMPARED_PIECES = 32
_PIECE_ROWS = 2_048
_NUMBER_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fp32:
    """What the independent fp32 computation needs."""

    config: DlrmConfig
    origin: WeightOrigin


def rows_to_score(case: Case, split: Split) -> int:
    """Return how many rows of `split`, from its first one on, the case scores: all, or those of STEPS batches."""
    knobs = case.knobs
    return split.rows if knobs.steps is None else min(split.rows, knobs.steps * knobs.batch_size)


def scoring_bytes(rows: int, config: DlrmConfig) -> int:
    """Return what the scores take and, at the same time at the most, a piece in fp32: its rows twice, and layers."""
    widest = max(*config.bottom, *config.over)
    piece_numbers = 2 * config.num_tables * config.embedding_dim + 2 * config.over[0] + 2 * widest
    return rows * SCORE_ROW_BYTES + _PIECE_ROWS * piece_numbers * _NUMBER_BYTES


def scoring_steps(prepared: Prepared, instance: Instance, split: Split | None, model: Model) -> Prepared:
    """Return `prepared` with steps that score each labelled row of `split` once.

    Raises:
        UsageError: there are no labelled rows, or several instances.
    """
    if split is None:
        raise UsageError("MODE=accuracy scores labelled rows; set DATA_TYPE=real and DATASET_DIR")
    if instance.shards != 1:
        raise UsageError(f"MODE=accuracy ranks all scores together; set INSTANCE_NUMBER=1, not {instance.shards}")
    rows = rows_to_score(instance.case, split)
    is_fp32 = instance.case.precision is Precision.FP32
    fp32 = None if is_fp32 else Fp32(config=model.config, origin=model.origin)
    return score_once(prepared, split, stream_of(instance, split), rows, fp32)


def score_once(prepared: Prepared, split: Split, stream: Stream, rows: int, fp32: Fp32 | None) -> Prepared:
    """Return `prepared` with steps that take the first `rows` rows from `stream` and keep their scores.

    Warm-up, probe and check go on with the batches that are ready, so no row is scored twice. What fills up the last
    batch, which engines want to be as long as all others, is computed and not counted.

    Args:
        prepared: a model whose steps give probabilities, shape (B,), and batches to warm it up.
        split: where the rows lie.
        stream: these rows, from the first one on.
        rows: how many to score.
        fp32: the model in fp32 to compare with; None: the case computes in fp32 itself.
    """
    scores = ClickScores(rows)
    compute, ready = prepared.step, itertools.cycle(prepared.batches)

    def step(_: None) -> None:
        batch = stream.next()
        assert batch.label_B is not None
        scores.take(compute(batch), batch.label_B)

    def judge() -> Accuracy:
        compared = None if fp32 is None else _compare(scores, split, fp32)
        return replace(scores.judge(), bayes_auc=split.planted_auc, fp32=compared)

    return replace(
        prepared,
        step=step,
        warm_up_step=lambda _: compute(next(ready)),
        steps=-(-rows // prepared.batch_size),
        batches=(None,),
        data=split.once_facts(rows),
        flow=lambda: _counted(stream.flow(), rows),
        accuracy=judge,
        close=stream.close,
    )


def _counted(flow: DataFlow, rows: int) -> DataFlow:
    """Return `flow` without the rows that only fill up the last batch."""
    row_bytes = flow.read_bytes // flow.rows if flow.rows else 0
    counted = min(flow.rows, rows)
    return replace(flow, rows=counted, read_bytes=counted * row_bytes)


def _compare(scores: ClickScores, split: Split, fp32: Fp32) -> Comparison:
    pieces = list(compared_pieces(scores.taken))
    probability, click = zip(*(scores.part(begin, end) for begin, end in pieces), strict=True)
    probability_N, click_N = np.concatenate(probability), np.concatenate(click)
    compute = _fp32_probabilities(fp32)
    fp32_N = np.concatenate([compute(split.piece(begin, end)) for begin, end in pieces])
    return Comparison(samples=len(click_N), auc=roc_auc(probability_N, click_N), fp32_auc=roc_auc(fp32_N, click_N))


def compared_pieces(rows: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of rows that are compared: all of a small split, else pieces at equal distances."""
    count = min(_COMPARED_PIECES, -(-rows // _PIECE_ROWS))
    for begin, end in itertools.pairwise(rows * number // count for number in range(count + 1)):
        yield begin, min(begin + _PIECE_ROWS, end)


def _fp32_probabilities(fp32: Fp32) -> Callable[[Batch], Scores]:
    stacks = fp32.origin.stacks()

    def compute(batch: Batch) -> Scores:
        rows_BFD: Tensor = pooled_rows(fp32.config, fp32.origin, batch.sparse_BF)
        with full_fp32():
            logits_B = reference_logits(fp32.config, stacks, batch.dense_BI, rows_BFD)
        probability_B: Scores = torch.sigmoid(logits_B).numpy()
        return probability_B

    return compute
