"""Static int8 on a trained model: outputs close to fp32, and really quantised."""

from pathlib import Path

import numpy as np
import pytest
import torch
from engine_calls import executable
from sklearn.metrics import roc_auc_score

from pinbench.worker.engine import eager
from pinbench.worker.models.dlrm.capping import cap_rows
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin
from pinbench.worker.models.dlrm.config import make_config, parse_sizes
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import SeededOrigin, gather_rows
from pinbench.worker.onednn.calibration import Calibration
from pinbench.worker.onednn.quantized_linear import Encode, QuantizedLinear
from pinbench.worker.precision import int8

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
TERABYTE_ROWS = (
    "39884406-39043-17289-7420-20263-3-7120-1543-63-38532951-2953546-403346-10-2208-11938-155-4-976-14-39979771-"
    "25641295-39664984-585935-12972-108-36"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def small_model(interaction):
    config = make_config(
        embedding_dim=16, bottom="13-32-24-16", over="64-48-32-24-1", table_rows=(50,) * 26, interaction=interaction
    )
    origin = SeededOrigin(config, seed=3)
    tables = np.concatenate([origin.rows(table, 0, 50) for table in range(26)])
    model = Dlrm(config, torch.from_numpy(tables).to(int8.TABLE_DTYPE), int8.ACTIVATION_DTYPE)
    model.load_stacks(origin.stacks())
    return config, origin, model


def rows_of(count, seed):
    random = np.random.default_rng(seed)
    dense_BI = torch.from_numpy(np.log1p(random.integers(0, 100, (count, 13))).astype(np.float32))
    return dense_BI, torch.from_numpy(random.integers(0, 50, (count, 26)))


@pytest.mark.parametrize("interaction", ["dot", "cat"])
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_outputs_are_those_of_fp32_but_for_the_codes(interaction, batch_size):
    config, origin, model = small_model(interaction)
    calibration = Calibration(feed=lambda fed: fed(*rows_of(512, 1)), model=interaction, rows="512 rows")
    dense_BI, sparse_BF = rows_of(batch_size, 2)
    with torch.no_grad():
        compute = executable(eager, int8.apply(model, calibration).for_inference(batch_size), batch_size).call
        logits_B = torch.logit(compute(dense_BI, sparse_BF).double())
    expected_B = reference_logits(config, origin.stacks(), dense_BI, gather_rows(origin, sparse_BF)).double()
    assert 1e-6 < (logits_B - expected_B).abs().max().item() < 0.05
    assert batch_size < 64 or (logits_B - expected_B).std() < expected_B.std() / 3  # a constant would not pass


def test_a_trained_model_ranks_its_rows_nearly_as_in_fp32():
    with np.load(GOLDEN / "tiny_infer.npz") as arrays:
        dense_BI, sparse_BF = torch.from_numpy(arrays["dense"]), torch.from_numpy(arrays["indices"].T)
        label_B, expected_B = arrays["label"].ravel(), arrays["prob"].ravel()
    config = make_config(
        embedding_dim=16, bottom="13-32-24-16", over="64-48-32-24-1",
        table_rows=cap_rows(parse_sizes("rows", TERABYTE_ROWS), 400), interaction="dot",
    )  # fmt: skip
    origin = CheckpointOrigin(GOLDEN / "tiny_tb00.pt", config)
    tables = np.concatenate([origin.rows(table, 0, rows) for table, rows in enumerate(config.table_rows)])
    model = Dlrm(config, torch.from_numpy(tables).to(int8.TABLE_DTYPE), int8.ACTIVATION_DTYPE)
    model.load_stacks(origin.stacks())
    calibration = Calibration(feed=lambda fed: fed(dense_BI, sparse_BF), model="golden", rows="256 rows")
    with torch.no_grad():
        found_B = executable(eager, int8.apply(model, calibration).for_inference(256), 256).call(dense_BI, sparse_BF)
    assert roc_auc_score(label_B, found_B) == pytest.approx(roc_auc_score(label_B, expected_B), abs=0.005)
    logits_B = torch.logit(torch.from_numpy(expected_B))
    assert (torch.logit(found_B) - logits_B).std() < logits_B.std() / 10


def test_all_layers_but_the_last_multiply_codes():
    _, _, model = small_model("dot")
    calibration = Calibration(feed=lambda fed: fed(*rows_of(64, 1)), model="m", rows="r")
    with torch.no_grad():
        layers = [type(layer) for layer in int8.apply(model, calibration).over_arch.layers]
    assert layers == [Encode, *[QuantizedLinear] * 4, torch.nn.Linear, torch.nn.Sigmoid]
