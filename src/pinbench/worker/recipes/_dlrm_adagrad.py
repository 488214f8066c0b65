"""What the training of DLRM-DCNv2 has besides that of DLRM: Adagrad, and the sums that it keeps of each weight."""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

import torch
from torch import Tensor

from pinbench.contract.case import Case
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin, Stored
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.rows import BLOCK_ROWS, WeightOrigin
from pinbench.worker.training import dlrm as sgd_trainers
from pinbench.worker.training import dlrm_dcn as adagrad_trainers
from pinbench.worker.training.adagrad import Accumulated
from pinbench.worker.training.mlperf_optimizers import Adagrad, Optimizer

CHECKED_RATE = 0.004  # of MLPerf's reference points; a step at 1 would throw each weight by 1


def learns_by_adagrad(case: Case) -> bool:
    """Return whether the case trains a model with a cross network, which its reference does by Adagrad."""
    return case.knobs.own.get("DCN_NUM_LAYERS") is not None


def trainers_of(case: Case) -> ModuleType:
    """Return the package with an engine in each file."""
    return adagrad_trainers if learns_by_adagrad(case) else sgd_trainers


def optimizer_of(case: Case) -> Optimizer | None:
    """Return what MLPerf's log is to tell of the optimizer; None: of plain SGD."""
    return Adagrad() if learns_by_adagrad(case) else None


def rows_with_sums(case: Case) -> Callable[[Sequence[int]], int]:
    """Return how many rows are in memory for those of all tables: Adagrad's sums take as many again."""
    return (lambda rows: 2 * sum(rows)) if learns_by_adagrad(case) else sum


def accumulated_of(
    by_adagrad: bool, config: DlrmConfig, resumed: WeightOrigin | None, weights: Mapping[str, Tensor]
) -> Accumulated | None:
    """Return the sums to go on with: those of the checkpoint that is resumed, or 0; None: of plain SGD."""
    if not by_adagrad:
        return None
    kept = resumed.accumulators() if isinstance(resumed, CheckpointOrigin) else {}
    tables_RD = torch.zeros(sum(config.table_rows), config.embedding_dim)
    for table, first in enumerate(config.first_rows):
        sums = kept.get(f"emb_l.{table}.weight")
        if sums is not None:
            _copy(sums, tables_RD[first : first + config.table_rows[table]])
    return Accumulated(
        tables_RD=tables_RD,
        stacks={
            name: kept[name].whole().clone() if name in kept else torch.zeros_like(weight)
            for name, weight in weights.items()
        },
    )


def _copy(sums: Stored, target_RD: Tensor) -> None:
    for begin in range(0, len(target_RD), BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, len(target_RD))
        target_RD[begin:end] = sums.rows(begin, end)
    sums.forget()
