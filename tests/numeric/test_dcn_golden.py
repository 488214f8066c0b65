"""DLRM-DCNv2 gives torchrec's logits, and learns as torchrec does, on torchrec's weights and samples."""

import pytest
import torch
from dcn_golden import RATE, STEPS, arrays, batch, begin_weights, end_weights, golden_config, golden_model, trainer_from
from engine_calls import made_ready

from pinbench.worker.engine import eager, pinned
from pinbench.worker.models.dlrm.cross import CrossInteraction
from pinbench.worker.models.dlrm.reference import reference_logits
from pinbench.worker.training.dlrm_dcn import eager as trained_eager


def expected() -> torch.Tensor:
    return torch.from_numpy(arrays()["infer_logit"]).squeeze(1)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def test_the_model_gives_torchrecs_logits_and_what_its_cross_network_gives():
    model, given = golden_model(), batch(STEPS)
    features, crossed = model.features, torch.from_numpy(arrays()["infer_inter_out"])
    assert isinstance(features.interaction, CrossInteraction)
    found = features(model.dense_arch(given.dense_BI), given.sparse_BF)
    assert torch.allclose(found, crossed, rtol=0, atol=1e-6)
    logits_B = torch.logit(model(given.dense_BI, given.sparse_BF).double())
    assert (logits_B - expected()).abs().max() < 1e-6
    assert crossed.std() > 0.01  # there was something to give


def test_the_independent_computation_gives_them_too():
    weights, given, config = begin_weights(), batch(STEPS), golden_config()
    sums = [
        weights[f"emb_l.{table}.weight"][ids_BH].sum(1)
        for table, ids_BH in enumerate(torch.split(given.sparse_BF, list(config.hots), dim=1))
    ]
    logits_B = reference_logits(config, weights, given.dense_BI, torch.stack(sums, dim=1))
    assert (logits_B - expected()).abs().max() < 1e-6


@pytest.mark.parametrize("engine", [eager, pinned], ids=["eager", "pinned"])
def test_so_does_every_engine(engine):
    given = batch(STEPS)
    compiled = made_ready(engine, golden_model().for_inference(32), (given.dense_BI, given.sparse_BF))
    if engine is pinned and compiled.facts.fallback is not None:
        pytest.skip(compiled.facts.fallback)
    assert compiled.facts.name == engine.__name__.rpartition(".")[2]
    logits_B = torch.logit(compiled.call(given.dense_BI, given.sparse_BF).double())
    assert (logits_B - expected()).abs().max() < 2e-6


def test_fifty_steps_of_adagrad_are_torchrecs():
    begin, end = begin_weights(), end_weights()
    trainer = trainer_from(trained_eager, begin)
    losses = [trainer.step([batch(number)], RATE).item() for number in range(STEPS)]
    assert max(abs(found - loss) for found, loss in zip(losses, arrays()["loss"], strict=True)) < 1e-6
    state = trainer.state()
    assert max((state[name] - weight).abs().max().item() for name, weight in end.items()) < 1e-4
    assert max((begin[name] - weight).abs().max().item() for name, weight in end.items()) > 0.03  # much was learned
