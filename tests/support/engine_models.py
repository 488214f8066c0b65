"""A small DLRM and what an engine is told with it, for the tests of engines."""

import os
from pathlib import Path

import torch
from torch import Tensor

from pinbench.contract.case import Precision
from pinbench.worker.executable import Executable, Setting
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import SeededOrigin, gather_rows

ROWS = 50


def setting(cache: Path = Path("/nowhere"), precision: Precision = Precision.FP32) -> Setting:
    return Setting(precision=precision, cpus=tuple(sorted(os.sched_getaffinity(0))), cache=cache)


def small_config(interaction: str = "dot") -> DlrmConfig:
    return make_config(
        embedding_dim=16, bottom="13-32-16", over="64-32-1", table_rows=(ROWS,) * 5, interaction=interaction
    )


def small_model(config: DlrmConfig, dtype: torch.dtype = torch.float32, seed: int = 0) -> tuple[Dlrm, SeededOrigin]:
    origin = SeededOrigin(config, seed)
    tables = [torch.from_numpy(origin.rows(table, 0, rows)) for table, rows in enumerate(config.table_rows)]
    model = Dlrm(config, torch.cat(tables).to(dtype))
    model.load_stacks(origin.stacks())
    return model, origin


def small_batch(config: DlrmConfig, size: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Dense features and ids, shapes (B, 13) and (B, F)."""
    random = torch.Generator().manual_seed(seed)
    dense_BI = torch.rand(size, 13, generator=random)
    return dense_BI, torch.randint(0, ROWS, (size, config.num_tables), generator=random)


def logit_error(executable: Executable, config: DlrmConfig, origin: SeededOrigin, size: int) -> float:
    """The largest difference of a logit to the textbook computation, over three batches."""
    errors = []
    for seed in range(1, 4):
        dense_BI, sparse_BF = small_batch(config, size, seed)
        expected_B = reference_logits(config, origin.stacks(), dense_BI, gather_rows(origin, sparse_BF)).double()
        probability_B = executable.call(dense_BI, sparse_BF)
        assert probability_B.shape == (size,)
        errors.append((torch.logit(probability_B.double()) - expected_B).abs().max().item())
    return max(errors)


def with_lent_tables(engine) -> Executable:
    """A small model made ready by `engine`, which is seen to read the tables where they lie: a change shows."""
    config = small_config()
    model, _ = small_model(config)
    batch = small_batch(config, 9)
    with torch.no_grad():
        executable = engine.compile(model, batch, setting())
        before_B = executable.call(*batch).clone()
        model.features.sparse_arch.tables_RD.mul_(3)
        assert not torch.allclose(before_B, executable.call(*batch))
    return executable
