"""Our DLRM on the reference's checkpoint gives the reference's numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from engine_calls import executable

from pinbench.worker.engine import eager, pinned
from pinbench.worker.models.dlrm.capping import cap_rows
from pinbench.worker.models.dlrm.checkpoint import CheckpointOrigin
from pinbench.worker.models.dlrm.config import DlrmConfig, make_config, parse_sizes
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.models.dlrm.rows import gather_rows

# Distinct ids of each Terabyte column after modulo 40 million (MLPerf's day_fea_count.npz).
TERABYTE_ROWS = parse_sizes(
    "ARCH_EMBEDDING_SIZE",
    "39884406-39043-17289-7420-20263-3-7120-1543-63-38532951-2953546-403346-10-2208-11938-155-4-976-14-39979771-"
    "25641295-39664984-585935-12972-108-36",
)
GOLDEN = Path(__file__).parents[1] / "data" / "golden"


@pytest.fixture(scope="module")
def infer() -> dict[str, torch.Tensor]:
    with np.load(GOLDEN / "tiny_infer.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def tiny_config() -> DlrmConfig:
    return make_config(
        embedding_dim=16,
        bottom="13-32-24-16",
        over="64-48-32-24-1",
        table_rows=cap_rows(TERABYTE_ROWS, 400),
        interaction="dot",
    )


def load(name: str, config: DlrmConfig) -> Dlrm:
    origin = CheckpointOrigin(GOLDEN / name, config)
    tables = [torch.from_numpy(origin.rows(table, 0, rows)) for table, rows in enumerate(config.table_rows)]
    model = Dlrm(config, torch.cat(tables))
    model.load_stacks(origin.stacks())
    return model


@pytest.mark.parametrize("checkpoint", ["tiny_tb00.pt", "tiny_tb00_legacy.pt"])
def test_logits_of_both_containers_equal_the_reference_within_1e_6(checkpoint, infer):
    model = load(checkpoint, tiny_config())
    with torch.no_grad():
        probability_B = model(infer["dense"], infer["indices"].T)
    expected_B = infer["prob"].squeeze(1)
    assert torch.allclose(torch.logit(probability_B), torch.logit(expected_B), rtol=0, atol=1e-6)


def test_each_box_gives_what_the_reference_gives(infer):
    model = load("tiny_tb00.pt", tiny_config())
    with torch.no_grad():
        dense_BD = model.dense_arch(infer["dense"])
        features_BW = model.features(dense_BD, infer["indices"].T)
    assert torch.allclose(dense_BD, infer["bottom_out"], rtol=0, atol=1e-6)
    assert torch.allclose(features_BW, infer["interaction"], rtol=0, atol=1e-6)


def test_the_packed_engine_gives_the_same_logits(infer):
    model = load("tiny_tb00.pt", tiny_config())
    with torch.no_grad():
        packed = executable(eager, model.for_inference(256), 256)
        probability_B = packed.call(infer["dense"], infer["indices"].T)
    assert torch.allclose(torch.logit(probability_B), torch.logit(infer["prob"].squeeze(1)), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("path", "batch_size"), [("layers", 256), ("layers", 16), ("chain", 16), ("chain", 1)])
def test_the_pinned_engine_gives_the_same_logits_on_each_path(infer, monkeypatch, path, batch_size):
    monkeypatch.setattr(pinned, "best_seconds", lambda calls: {name: float(name != path) for name in calls})
    model = load("tiny_tb00.pt", tiny_config())
    with torch.no_grad():
        compiled = executable(pinned, model.for_inference(batch_size), batch_size)
        if compiled.facts.fallback is not None:
            pytest.skip(compiled.facts.fallback)
        batches = zip(infer["dense"].split(batch_size), infer["indices"].T.split(batch_size), strict=True)
        probability_B = torch.cat([compiled.call(*batch).clone() for batch in batches])
    assert compiled.facts.path == path
    assert torch.allclose(torch.logit(probability_B), torch.logit(infer["prob"].squeeze(1)), rtol=0, atol=1e-6)


def test_the_fp32_reference_that_every_run_checks_itself_against_is_right_too(infer):
    config = tiny_config()
    origin = CheckpointOrigin(GOLDEN / "tiny_tb00.pt", config)
    sparse_BF = infer["indices"].T
    logits_B = reference_logits(config, origin.stacks(), infer["dense"], gather_rows(origin, sparse_BF))
    assert torch.allclose(logits_B, torch.logit(infer["prob"].squeeze(1)), rtol=0, atol=1e-6)
