"""torchrec's DLRM_DCN of the golden files: its sizes, its batches, and its weights before and after 50 steps."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from training_golden import setting_of

from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.torchrec_names import torchrec_names
from pinbench.worker.training.adagrad import Accumulated
from pinbench.worker.training.trainer import TrainerOrder

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "dcnv2"
STATE, SNAPSHOT = GOLDEN / "state_dict.pt", GOLDEN / "snapshot"
STEPS, RATE = 50, 0.005


@cache
def arrays() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "trace.npz") as trace:
        return {name: trace[name] for name in trace.files}


def golden_config(rank: int = 20) -> DlrmConfig:
    trace = arrays()
    return make_config(
        embedding_dim=16, bottom="13-32-24-16", over="64-48-32-24-1", table_rows=tuple(trace["rows"].tolist()),
        interaction="dcn", hots=tuple(trace["multi_hot_sizes"].tolist()), cross_layers=3, cross_rank=rank,
    )  # fmt: skip


def batch(number: int) -> Batch:
    trace = arrays()
    return Batch(
        dense_BI=torch.from_numpy(trace["dense"][number]).clone(),
        sparse_BF=torch.from_numpy(trace["ids"][number].astype(np.int64)),
        label_B=torch.from_numpy(trace["label"][number]).float(),
    )


def begin_weights() -> dict[str, Tensor]:
    return _named({name.removeprefix("init/"): torch.from_numpy(value) for name, value in arrays().items()})


def end_weights() -> dict[str, Tensor]:
    return _named(torch.load(STATE, weights_only=True))


def _named(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    ours = torchrec_names(golden_config())
    named = {name.removeprefix("model."): weight for name, weight in weights.items()}
    return {ours[name]: weight.clone() for name, weight in named.items() if name in ours}


def tables_of(weights: dict[str, Tensor]) -> Tensor:
    return torch.cat([weights[f"emb_l.{table}.weight"] for table in range(26)])


def golden_model() -> Dlrm:
    weights = begin_weights()
    model = Dlrm(golden_config(), tables_of(weights))
    model.load_stacks(weights)
    return model


def trainer_from(engine, weights: dict[str, Tensor], accumulated: Accumulated | None = None):
    stacks = {name: weight for name, weight in weights.items() if not name.startswith("emb_l.")}
    tables_RD = tables_of(weights)
    nothing = Accumulated(
        tables_RD=torch.zeros_like(tables_RD), stacks={name: torch.zeros_like(w) for name, w in stacks.items()}
    )
    order = TrainerOrder(setting=setting_of(), batch_size=32, accumulated=accumulated or nothing)
    return engine.make(golden_config(), tables_RD, stacks, order)
