"""Adagrad of layers and of the rows of tables, against PyTorch's own on whole tables."""

import pytest
import torch
from dcn_golden import RATE, batch, begin_weights, golden_config, trainer_from

from pinbench.worker.models.dlrm.checkpoint import LEARNED, CheckpointOrigin
from pinbench.worker.recipes._dlrm_adagrad import accumulated_of
from pinbench.worker.training import adagrad
from pinbench.worker.training.adagrad import EPSILON, BagGradient, learn_rows
from pinbench.worker.training.dlrm_dcn import eager
from pinbench.worker.training.feed import cut_up

ROWS, WIDTH, BAGS = 30, 4, 12


def bags_of(seed: int) -> tuple[BagGradient, torch.Tensor]:
    """Gradients of bags, three rows in each with some twice, and the same of the whole table."""
    random = torch.Generator().manual_seed(seed)
    row_N = torch.randint(0, ROWS, (BAGS * 3,), generator=random)
    gradient_KD = torch.randn(BAGS, WIDTH, generator=random)
    bag_N = torch.arange(BAGS).repeat_interleave(3)
    whole_RD = torch.zeros(ROWS, WIDTH).index_add(0, row_N, gradient_KD[bag_N])
    return BagGradient(row_N=row_N, bag_N=bag_N, gradient_KD=gradient_KD), whole_RD


@pytest.mark.parametrize("rows_at_a_time", [1 << 16, 5])
def test_rows_learn_as_a_whole_table_does_by_pytorchs_adagrad(monkeypatch, rows_at_a_time):
    monkeypatch.setattr(adagrad, "_ROWS", rows_at_a_time)
    table_RD, sums_RD = torch.rand(ROWS, WIDTH), torch.zeros(ROWS, WIDTH)
    expected_RD = table_RD.clone().requires_grad_()
    theirs = torch.optim.Adagrad([expected_RD], lr=0.1, eps=EPSILON)
    for seed in range(3):
        (one, gradient_one), (other, gradient_other) = bags_of(seed), bags_of(seed + 10)
        learn_rows(table_RD, sums_RD, [one, other], 0.1)  # of one step: squared when both are added up
        expected_RD.grad = gradient_one + gradient_other
        theirs.step()
    assert torch.allclose(table_RD, expected_RD.detach(), rtol=0, atol=1e-6)
    assert torch.allclose(sums_RD, theirs.state[expected_RD]["sum"], rtol=1e-5)


def test_parts_of_a_batch_add_up_to_the_step_of_the_whole():
    whole, parts = (trainer_from(eager, begin_weights()) for _ in range(2))
    given = batch(0)
    losses = whole.step([given], RATE), parts.step(cut_up(given, 3), RATE)
    assert torch.allclose(*losses)
    found, expected = parts.state(), whole.state()
    # A gradient of almost nothing is a step of the whole rate: the sign of rounding, in few places.
    off = sum((found[name] - weight).abs().gt(1e-5).sum().item() for name, weight in expected.items())
    assert off < 1e-4 * sum(weight.numel() for weight in expected.values())


def test_at_a_rate_of_0_nothing_is_learned_nor_added_up():
    trainer = trainer_from(eager, begin_weights())
    before = {name: weight.clone() for name, weight in trainer.state().items()}
    trainer.step([batch(0)], 0.0)
    assert all(torch.equal(before[name], weight) for name, weight in trainer.state().items())


def test_a_training_goes_on_from_its_state_to_the_same_bits(tmp_path):
    straight = trainer_from(eager, begin_weights())
    for number in range(4):
        straight.step([batch(number)], RATE)
    first = trainer_from(eager, begin_weights())
    for number in range(2):
        first.step([batch(number)], RATE)
    path = tmp_path / "state.pt"
    torch.save({"state_dict": {name: weight.clone() for name, weight in first.state().items()}}, path)
    config = golden_config()
    origin = CheckpointOrigin(path, config)
    weights = {f"emb_l.{t}.weight": torch.from_numpy(origin.rows(t, 0, n)) for t, n in enumerate(config.table_rows)}
    kept = accumulated_of(True, config, origin, origin.stacks())
    again = trainer_from(eager, {n: w.clone() for n, w in (weights | origin.stacks()).items()}, kept)
    for number in range(2, 4):
        again.step([batch(number)], RATE)
    assert any(name.startswith(LEARNED) for name in straight.state())
    assert all(torch.equal(again.state()[name], weight) for name, weight in straight.state().items())
