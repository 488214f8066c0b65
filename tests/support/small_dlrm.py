"""A DLRM of four small tables, batches for it, and one step of it in float64 by the independent computation."""

import numpy as np
import torch

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import SeededOrigin

RATE = 0.5


def config_of(interaction: str = "dot") -> DlrmConfig:
    return make_config(
        embedding_dim=8, bottom="13-12-8", over="16-6-1", table_rows=(3, 40, 1, 500), interaction=interaction
    )


def weights_of(config: DlrmConfig) -> dict[str, torch.Tensor]:
    origin = SeededOrigin(config, 5)
    tables = {f"emb_l.{t}.weight": torch.from_numpy(origin.rows(t, 0, n)) for t, n in enumerate(config.table_rows)}
    return tables | origin.stacks()


def batch_of(config: DlrmConfig, rows: int, seed: int = 0) -> Batch:
    random = np.random.default_rng(seed)
    return Batch(
        dense_BI=torch.from_numpy(random.random((rows, 13), dtype=np.float32)),
        sparse_BF=torch.from_numpy(np.stack([random.integers(0, n, rows) for n in config.table_rows], axis=1)),
        label_B=torch.from_numpy(random.integers(0, 2, rows).astype(np.float32)),
    )


def expected(
    config: DlrmConfig, weights: dict[str, torch.Tensor], batch: Batch
) -> tuple[float, dict[str, torch.Tensor]]:
    """Return the loss before one step, and the weights after it, in float64."""
    own = {name: weight.double().requires_grad_() for name, weight in weights.items()}
    with torch.enable_grad():
        rows_BFD = torch.stack(
            [own[f"emb_l.{table}.weight"][ids_B] for table, ids_B in enumerate(batch.sparse_BF.unbind(1))], dim=1
        )
        logits_B = reference_logits(config, own, batch.dense_BI.double(), rows_BFD)
        click_B = batch.label_B.double()
        chance_B = torch.sigmoid(logits_B)
        loss = -(click_B * chance_B.log() + (1 - click_B) * (1 - chance_B).log()).mean()
        loss.backward()
    return loss.item(), {name: (weight - RATE * weight.grad).detach() for name, weight in own.items()}
