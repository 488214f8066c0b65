"""The engine that learns by our own operators: what it says of itself, and when it leaves the model to eager."""

import pytest
import torch
from cpu_marks import needs_compiler
from training_golden import setting_of
from training_plain import PlainTraining, batch_of, config_of, cut, largest_errors, weights_of

from pinbench.base.errors import HostError, UsageError
from pinbench.contract.case import Precision
from pinbench.worker.models.dlrm.checkpoint import expected_shapes
from pinbench.worker.models.dlrm.config import make_config
from pinbench.worker.ops import operators
from pinbench.worker.ops.isa import useful
from pinbench.worker.training.dlrm import eager, pinned
from pinbench.worker.training.dlrm._split_rows import joined, split_in_place
from pinbench.worker.training.trainer import TrainerOrder

_RATE = 0.3


def order_of(precision: Precision = Precision.FP32, device: str = "cpu", *, split: bool = False) -> TrainerOrder:
    return TrainerOrder(setting=setting_of(precision), batch_size=64, device=device, split_tables=split)


def trainer_of(
    config, state=None, precision: Precision = Precision.FP32, *, split: bool = False
) -> pinned.PinnedTrainer:
    tables_RD, stacks = weights_of(config)
    if state is not None:
        tables_RD = torch.cat([state[f"emb_l.{table}.weight"] for table in range(config.num_tables)])
        stacks = {name: weight for name, weight in state.items() if not name.startswith("emb_l")}
    return pinned.PinnedTrainer(config, tables_RD, stacks, order_of(precision, split=split))


def same_bits(one, other) -> bool:
    return set(one) == set(other) and all(torch.equal(weight, other[name]) for name, weight in one.items())


@needs_compiler
def test_a_training_in_micro_batches_is_autograds_and_the_facts_say_what_ran():
    config = config_of(tables=5, width=16)
    tables_RD, stacks = weights_of(config)
    plain = PlainTraining(config, tables_RD, stacks)
    begin = {name: weight.clone() for name, weight in plain.state().items()}
    trainer = pinned.make(config, tables_RD, stacks, order_of())
    for seed in range(4):
        batch = batch_of(config, 50, seed)
        loss = trainer.step(cut(batch, (7, 42, 1)), _RATE)
        assert loss.shape == ()
        assert loss.item() == pytest.approx(plain.step(batch, _RATE), rel=1e-5)
    assert largest_errors(trainer.state(), plain, begin)[0] < 1e-5
    expected_B = plain.logits(batch).detach().sigmoid()
    assert torch.allclose(trainer.predict(batch).double(), expected_B, rtol=0, atol=1e-5)
    assert (trainer.facts.name, trainer.facts.fallback, trainer.facts.isa) == (
        "pinned",
        None,
        useful(torch.float32)[-1],
    )
    assert trainer.facts.settings["compute"] == "float32"


@needs_compiler
def test_the_state_has_the_references_names_and_shapes_and_shows_what_is_trained():
    config = config_of(tables=3, width=8)
    tables_RD, stacks = weights_of(config)
    trainer = pinned.make(config, tables_RD, stacks, order_of())
    state = trainer.state()
    assert {name: tuple(weight.shape) for name, weight in state.items()} == expected_shapes(config)
    before = {name: weight.clone() for name, weight in state.items()}
    trainer.step([batch_of(config, 20)], _RATE)
    assert not any(torch.equal(state[name], weight) for name, weight in before.items())
    assert torch.equal(tables_RD[:1], state["emb_l.0.weight"])
    assert torch.equal(stacks["top_l.0.weight"], before["top_l.0.weight"])  # the caller's own stay as they were


@needs_compiler
@pytest.mark.parametrize(
    ("precision", "split"),
    [(Precision.FP32, False), (Precision.BFLOAT16, False), (Precision.BFLOAT16, True)],
)
def test_another_trainer_that_is_made_of_the_state_goes_on_with_the_same_bits(precision, split):
    config = config_of(tables=4, width=12)
    first = trainer_of(config, None, precision, split=split)
    first.step([batch_of(config, 30, 1)], _RATE)
    state = {name: weight.clone() for name, weight in first.state().items()}
    second = trainer_of(config, state, precision, split=split)
    assert same_bits(second.state(), state)
    for trainer in (first, second):
        trainer.step([batch_of(config, 30, 2)], _RATE)
    assert same_bits(first.state(), second.state())


@needs_compiler
@pytest.mark.parametrize("split", [False, True])
def test_the_weights_of_a_batch_are_the_rows_that_it_meets_in_fp32(split):
    config = config_of(tables=4, width=12)
    trainer = trainer_of(config, None, Precision.BFLOAT16, split=split)
    trainer.step([batch_of(config, 30, 1)], _RATE)
    batch, state = batch_of(config, 20, 2), trainer.state()
    met = trainer.weights_of(batch)
    assert set(met) == set(state)
    for table, ids_B in enumerate(batch.sparse_BF.unbind(1)):
        name = f"emb_l.{table}.weight"
        assert torch.equal(met.pop(name), state[name][ids_B.unique()])
    assert same_bits(met, {name: state[name] for name in met})


@needs_compiler
def test_in_bfloat16_a_step_is_no_further_from_autograd_than_eagers():
    config = config_of(tables=9, width=64, rows=(1, 5, 40, 1, 2, 3, 300, 8, 8))
    errors = {}
    for engine in (pinned, eager):
        tables_RD, stacks = weights_of(config)
        plain = PlainTraining(config, tables_RD, stacks)
        begin = {name: weight.clone() for name, weight in plain.state().items()}
        trainer = engine.make(config, tables_RD, stacks, order_of(Precision.BFLOAT16))
        for seed in range(3):
            trainer.step([batch_of(config, 64, seed)], 0.05)
            plain.step(batch_of(config, 64, seed), 0.05)
        errors[engine] = largest_errors(trainer.state(), plain, begin)[1]
    assert errors[pinned] < 1.5 * errors[eager]


def test_rows_that_are_split_are_joined_again_bit_by_bit_and_the_upper_half_is_the_nearest():
    random = torch.Generator().manual_seed(3)
    words_RD = torch.randint(-(2**31), 2**31, (5000, 6), generator=random).to(torch.int32)
    words_RD[0] = torch.tensor([0, -(2**31), 0x3F808000, 0x3F807FFF, 0x3F80FFFF, 0x7F800000])  # ties, infinity
    tables_RD = words_RD.view(torch.float32)
    tables_RD[tables_RD.isnan()] = 1.0
    before_RD = tables_RD.clone()
    upper_RD = split_in_place(tables_RD)
    assert torch.equal(joined(tables_RD).view(torch.int32), before_RD.view(torch.int32))
    finite_RD = before_RD.isfinite() & (before_RD.abs() < 3e38)
    distance_RD = (upper_RD.double() - before_RD.double()).abs()[finite_RD]
    nearest_RD = (before_RD.bfloat16().double() - before_RD.double()).abs()[finite_RD]
    assert torch.equal(distance_RD, nearest_RD)


@pytest.mark.parametrize("interaction", ["dot", "cat"])
def test_without_a_compiler_or_dots_eager_learns_and_the_facts_say_so(interaction, monkeypatch, tmp_path):
    monkeypatch.setattr(operators, "_loaded", {})
    monkeypatch.setenv("PATH", str(tmp_path))
    config = make_config(embedding_dim=8, bottom="13-12-8", over="16-1", table_rows=(3, 40, 1), interaction=interaction)
    tables_RD, stacks = weights_of(config)
    trainer = pinned.make(config, tables_RD, stacks, order_of())
    assert trainer.facts.name == "eager"
    reason = {"dot": "there is no C++ compiler on PATH (g++, c++, clang++)",
              "cat": "the operators learn pairwise dots, features of this model meet by cat"}  # fmt: skip
    assert trainer.facts.fallback == f"not pinned: {reason[interaction]}"
    assert trainer.step([batch_of(config, 9)], _RATE).isfinite()


def test_precisions_and_devices_that_it_does_not_learn_on_are_refused_with_the_way_out():
    for precision in (Precision.FP32, Precision.BFLOAT16):
        pinned.require(precision)
    with pytest.raises(HostError, match=r"ENGINE=pinned does not compute in int8: .* it has fp32, bfloat16"):
        pinned.require(Precision.INT8)
    config = config_of(tables=2, width=8)
    with pytest.raises(UsageError, match="ENGINE=pinned learns on the CPU, not on cuda:0; set ENGINE=eager"):
        pinned.make(config, *weights_of(config), order_of(device="cuda:0"))
