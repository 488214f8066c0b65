"""One step against gradients of the independent fp32 computation, in float64, and what a step must not depend on."""

import itertools

import pytest
import torch
from small_dlrm import RATE, batch_of, config_of, expected, weights_of
from training_golden import setting_of, trainer_of

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.training.dlrm import eager
from pinbench.worker.training.trainer import TrainerOrder


def part(batch: Batch, begin: int, end: int) -> Batch:
    return Batch(
        dense_BI=batch.dense_BI[begin:end], sparse_BF=batch.sparse_BF[begin:end], label_B=batch.label_B[begin:end]
    )


def furthest(trainer, weights: dict[str, torch.Tensor]) -> float:
    state = trainer.state()
    assert set(state) == set(weights)
    return max((state[name] - weight).abs().max().item() for name, weight in weights.items())


@pytest.mark.parametrize("interaction", ["dot", "cat"])
def test_a_step_goes_down_the_gradient_of_the_mean_loss(interaction):
    config = config_of(interaction)
    weights, batch = weights_of(config), batch_of(config, 37)
    loss, after = expected(config, weights, batch)
    trainer = trainer_of(eager, weights, config)
    with torch.no_grad():  # as a recipe sets it for the whole process
        assert trainer.step([batch], RATE).item() == pytest.approx(loss, abs=1e-6)
    assert furthest(trainer, after) < 1e-6
    assert furthest(trainer, weights) > 1e-3  # a step that does nothing would be as near


@pytest.mark.parametrize("cuts", [(0, 20, 40), (0, 1, 33, 40), tuple(range(41))])
def test_micro_batches_of_any_sizes_add_up_to_the_whole_batch(cuts):
    config = config_of()
    weights, batch = weights_of(config), batch_of(config, 40)
    loss, after = expected(config, weights, batch)
    trainer = trainer_of(eager, weights, config)
    parts = [part(batch, begin, end) for begin, end in itertools.pairwise(cuts)]
    assert trainer.step(parts, RATE).item() == pytest.approx(loss, abs=1e-6)
    assert furthest(trainer, after) < 1e-6


def test_in_bfloat16_masters_stay_in_fp32_and_steps_are_near_those_of_fp32():
    config = config_of()
    weights = weights_of(config)
    half = trainer_of(eager, weights, config, Precision.BFLOAT16)
    full = trainer_of(eager, weights, config)
    for seed in range(5):
        half.step([batch_of(config, 64, seed)], RATE)
        full.step([batch_of(config, 64, seed)], RATE)
    assert {weight.dtype for weight in half.state().values()} == {torch.float32}
    moved = furthest(full, weights)
    assert 1e-5 < furthest(half, dict(full.state())) < 0.05 * moved
    # what has been learned is more than bfloat16 could hold of it
    weight = half.state()["top_l.0.weight"]
    assert not torch.equal(weight, weight.bfloat16().float())
    assert half.predict(batch_of(config, 5)).dtype == torch.float32


def test_the_same_steps_give_the_same_bits_and_a_rate_of_zero_changes_none():
    config = config_of()
    trainers = [trainer_of(eager, weights_of(config), config) for _ in range(2)]
    for trainer in trainers:
        for seed in range(4):
            trainer.step([batch_of(config, 300, seed)], RATE)
    assert furthest(trainers[0], dict(trainers[1].state())) == 0
    before = {name: weight.clone() for name, weight in trainers[0].state().items()}
    trainers[0].step([batch_of(config, 300, 9)], 0.0)
    assert furthest(trainers[0], before) == 0


def test_another_trainer_made_of_the_state_goes_on_with_the_same_bits():
    config = config_of()
    through = trainer_of(eager, weights_of(config), config)
    through.step([batch_of(config, 50, 1)], RATE)
    second = trainer_of(eager, {name: weight.clone() for name, weight in through.state().items()}, config)
    for trainer in (through, second):
        trainer.step([batch_of(config, 50, 2)], RATE)
    assert furthest(second, dict(through.state())) == 0


def test_the_tables_that_are_given_are_those_that_learn():
    config = config_of()
    weights = weights_of(config)
    tables_RD = torch.cat([weights[f"emb_l.{table}.weight"] for table in range(4)])
    before_RD = tables_RD.clone()
    stacks = {name: weight for name, weight in weights.items() if not name.startswith("emb_l")}
    trainer = eager.make(config, tables_RD, stacks, TrainerOrder(setting=setting_of(), batch_size=9))
    trainer.step([batch_of(config, 9)], RATE)
    assert not torch.equal(tables_RD, before_RD)
    assert torch.equal(tables_RD[3:43], trainer.state()["emb_l.1.weight"])


def test_a_row_that_is_surely_taken_for_the_other_class_still_learns():
    config = config_of()
    weights = weights_of(config)
    weights["top_l.4.bias"] = torch.tensor([60.0])
    batch = batch_of(config, 1)
    trainer = trainer_of(eager, weights, config)
    wrong = Batch(dense_BI=batch.dense_BI, sparse_BF=batch.sparse_BF, label_B=torch.zeros(1))
    assert trainer.step([wrong], 1.0).item() == pytest.approx(60, abs=3)
    assert trainer.state()["top_l.4.bias"].item() == pytest.approx(59.0)


def test_precisions_and_devices_that_are_not_there_are_refused_with_the_way_out():
    eager.require(Precision.BFLOAT16)
    with pytest.raises(HostError, match="ENGINE=eager trains in fp32, bfloat16, not in int8"):
        eager.require(Precision.INT8)
    config = config_of()
    order = TrainerOrder(setting=setting_of(), batch_size=9, device="npu:0")
    with pytest.raises(HostError, match=r"device npu:0 cannot be used here \(.*\); choose cpu"):
        eager.make(config, torch.zeros(544, 8), {}, order)
