"""The multi-hot DLRM gives the reference's probabilities on the reference's weights and samples."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_calls import made_ready

from pinbench.worker.data.bags.reference_law import reference_batches
from pinbench.worker.engine import eager, pinned
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.numpy_origin import NumpyOrigin
from pinbench.worker.models.dlrm.sparse import PooledArch
from pinbench.worker.recipes.dlrm_v2 import model_config

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "wsf_r1000_b16.npz"


def model() -> Dlrm:
    config = model_config(1000)
    origin = NumpyOrigin(config, 727)
    tables_RD = np.empty((8000, 64), np.float32)
    with ThreadPoolExecutor(1) as pool:
        origin.fill(tables_RD, pool)
    made = Dlrm(config, torch.from_numpy(tables_RD), sparse_arch=PooledArch)
    made.load_stacks(origin.stacks())
    return made


@pytest.fixture(scope="module")
def batches():
    source = reference_batches(batch_size=16, dense=512, table_rows=(1000,) * 8, most=100, seed=727, shard=0)
    return list(itertools.islice(source, 2))


def probabilities(number: int) -> torch.Tensor:
    with np.load(GOLDEN) as golden:
        return torch.from_numpy(golden[f"b{number}_prob"]).squeeze(1)


@pytest.mark.parametrize("number", [0, 1])
def test_the_model_gives_the_reference_s_probabilities(number, batches):
    batch = batches[number]
    with torch.no_grad():
        probability_B = model()(batch.dense_BI, batch.row_N, batch.offset_K)
    assert torch.allclose(probability_B, probabilities(number), rtol=0, atol=1e-7)


@pytest.mark.parametrize("engine", [eager, pinned], ids=["eager", "pinned"])
@pytest.mark.parametrize("path", ["layers", "chain"])
def test_so_does_every_engine(engine, path, batches, monkeypatch):
    monkeypatch.setattr(pinned, "best_seconds", lambda calls: {name: float(name != path) for name in calls})
    first = batches[0]
    with torch.no_grad():
        ready = made_ready(engine, model(), (first.dense_BI, first.row_N, first.offset_K), varying=(1,))
        if engine is pinned and ready.facts.fallback is not None:
            pytest.skip(ready.facts.fallback)
        for number, batch in enumerate(batches):
            probability_B = ready.call(batch.dense_BI, batch.row_N, batch.offset_K)
            assert torch.allclose(probability_B, probabilities(number), rtol=0, atol=3e-7)
