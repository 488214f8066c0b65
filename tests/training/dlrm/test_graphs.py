"""The step of accelerators, run on the CPU: against float64, in fp16, and as something that a CUDA graph can hold."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from training_golden import setting_of
from training_plain import PlainTraining, batch_of, config_of, cut, largest_errors, weights_of

from pinbench.base.errors import HostError, ModelError
from pinbench.contract.case import Precision
from pinbench.worker import device as devices
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.training.dlrm import graphs
from pinbench.worker.training.trainer import TrainerOrder

_RATE = 0.3


def trainer_of(config, precision=Precision.FP32, weights=None):
    tables_RD, stacks = weights or weights_of(config)
    order = TrainerOrder(setting=setting_of(precision), batch_size=64)
    return graphs.make(config, tables_RD.clone(), stacks, order)


def moved(trainer, begin):
    return {name: (weight - begin[name]).abs().max().item() for name, weight in trainer.state().items()}


@pytest.mark.parametrize("parts", [(50,), (1, 30, 19), (10,) * 5])
def test_steps_are_those_of_a_textbook_whatever_the_parts_and_their_sizes(parts):
    config = config_of(tables=5, width=8)
    tables_RD, stacks = weights_of(config)
    plain, trainer = PlainTraining(config, tables_RD, stacks), trainer_of(config)
    begin = {name: weight.clone() for name, weight in trainer.state().items()}
    for seed in range(4):
        batch = batch_of(config, 50, seed)
        assert trainer.step(cut(batch, parts), _RATE).item() == pytest.approx(plain.step(batch, _RATE), rel=1e-5)
    of_weight, of_moved = largest_errors(trainer.state(), plain, begin)
    assert of_weight < 1e-5
    assert of_moved < 1e-3


def test_batches_of_more_sizes_than_are_kept_are_learned_all_the_same():
    config = config_of(tables=3, width=8)
    tables_RD, stacks = weights_of(config)
    plain, trainer = PlainTraining(config, tables_RD, stacks), trainer_of(config)
    for rows in (9, 8, 7, 9, 6):
        batch = batch_of(config, rows, rows)
        expected = torch.sigmoid(plain.logits(batch)).detach()
        assert torch.allclose(trainer.predict(batch).double(), expected, atol=1e-5)
        assert trainer.step([batch], _RATE).item() == pytest.approx(plain.step(batch, _RATE), rel=1e-5)


def test_in_fp16_masters_stay_in_fp32_and_steps_are_near_those_of_fp32():
    config = config_of(tables=5, width=8)
    half, full = trainer_of(config, Precision.FP16), trainer_of(config)
    begin = {name: weight.clone() for name, weight in full.state().items()}
    for seed in range(5):
        for trainer in (half, full):
            trainer.step([batch_of(config, 64, seed)], _RATE)
    assert {weight.dtype for weight in half.state().values()} == {torch.float32}
    apart = max((weight - full.state()[name]).abs().max().item() for name, weight in half.state().items())
    assert 1e-6 < apart < 0.02 * max(moved(full, begin).values())
    assert half.facts.settings["compute"] == "float16"


def test_gradients_that_fp16_would_lose_of_a_mean_are_learned():
    """Of 4,096 rows with a gradient of 1e-5 each, a mean's are 2e-9: nothing in fp16, whose smallest is 6e-8."""
    config = config_of(tables=1, width=8, rows=[4096])
    tables_RD, stacks = weights_of(config)
    last = max(name for name in stacks if name.startswith("top_l") and name.endswith("bias"))
    stacks[last] = torch.full_like(stacks[last], -11.5)  # a click is as likely as 1e-5
    batch = batch_of(config, 4096)
    batch = Batch(dense_BI=batch.dense_BI, sparse_BF=torch.arange(4096)[:, None], label_B=torch.zeros(4096))
    trainer = trainer_of(config, Precision.FP16, (tables_RD, stacks))
    begin = {name: weight.clone() for name, weight in trainer.state().items()}
    trainer.step([batch], 1e6)
    changed = (trainer.state()["emb_l.0.weight"] != begin["emb_l.0.weight"]).any(dim=1)
    assert changed.float().mean() > 0.9


@pytest.mark.parametrize("parts", [1, 2])
def test_sums_beyond_the_range_of_fp16_are_learned_in_smaller_ones(parts):
    config = config_of(tables=2, width=8)
    tables_RD, stacks = weights_of(config)
    batch = batch_of(config, 4096)
    # All rows alike and wrong: 4,096 gradients times inputs of 1,000 add up to far more than 65,504, where fp16 ends.
    alike = Batch(
        dense_BI=torch.full_like(batch.dense_BI, 1000.0), sparse_BF=torch.zeros_like(batch.sparse_BF), label_B=None
    )
    half, full = (trainer_of(config, precision, (tables_RD, stacks)) for precision in (Precision.FP16, Precision.FP32))
    big = replace(alike, label_B=(full.predict(alike) < 0.5).float())
    begin = {name: weight.clone() for name, weight in full.state().items()}
    sizes = (4096 // parts,) * parts
    losses = [trainer.step(cut(big, sizes), 1e-4).item() for trainer in (half, full)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    for name, change in moved(full, begin).items():
        assert (half.state()[name] - full.state()[name]).abs().max().item() <= 0.05 * change + 1e-7, name
    assert half._scale.item() < 1  # or nothing was too large


def test_a_step_whose_gradients_are_no_numbers_changes_nothing_and_says_so():
    config = config_of(tables=2, width=8)
    trainer = trainer_of(config)
    batch = batch_of(config, 8)
    begin = {name: weight.clone() for name, weight in trainer.state().items()}
    trainer._gradients = _of_nan(trainer._gradients)
    with pytest.raises(ModelError, match=r"loss of a step is .*, but its gradients are no numbers in torch.float32"):
        trainer.step([batch], _RATE)
    assert max(moved(trainer, begin).values()) == 0


def _of_nan(gradients):
    def work(room):
        rows, (first, *others) = gradients(room)
        return rows, [torch.full_like(first, float("nan")), *others]

    return work


def test_a_loss_that_is_no_number_is_handed_over():
    config = config_of(tables=2, width=8)
    trainer = trainer_of(config)
    batch = batch_of(config, 8)
    bad = Batch(dense_BI=batch.dense_BI * float("nan"), sparse_BF=batch.sparse_BF, label_B=batch.label_B)
    assert trainer.step([bad], _RATE).isnan()


class _NoWaiting(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold: an answer to the host, or a shape that depends on values."""

    _REFUSED = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "_coalesce", "sparse", "equal.default")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func)
        assert not any(word in name for word in self._REFUSED), name
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16])
def test_what_is_recorded_never_waits_for_the_device_and_stays_in_its_memory(monkeypatch, precision):
    recorded = []

    def record(device, work):
        """As on CUDA: run before, then the same again without arguments, on memory that stays."""
        assert device.type == "cpu"
        with _NoWaiting():
            work()

        def replay():
            recorded.append(work)
            with _NoWaiting():
                work()

        return replay

    monkeypatch.setattr(devices, "record", record)
    config = config_of(tables=3, width=8)
    recording, direct = trainer_of(config, precision), trainer_of(config, precision)
    for seed in range(3):
        batch = batch_of(config, 16, seed)
        assert torch.equal(recording.predict(batch), direct.predict(batch))
        with monkeypatch.context() as undone:
            undone.setattr(devices, "record", lambda device, work: work)
            loss = direct.step([batch], _RATE)
        assert recording.step([batch], _RATE) == loss
    # What recording runs before the first step has learned nothing.
    assert all(torch.equal(weight, direct.state()[name]) for name, weight in recording.state().items())
    assert len(recorded) == 9  # three steps of one trainer, three predictions of each


def test_the_guard_of_that_test_finds_what_it_is_for():
    with pytest.raises(AssertionError, match="_local_scalar_dense"), _NoWaiting():
        torch.ones(1).item()


@pytest.mark.parametrize(
    ("precision", "formats"),
    [(Precision.FP32, {"src:f32 wei:f32"}), (Precision.FP16, {"src:f16 wei:f16", "src:f32 wei:f32"})],
)
def test_the_formats_of_the_products_are_read_back_and_the_last_layer_is_the_one_in_fp32(precision, formats):
    config = config_of(tables=3, width=8)
    trainer = trainer_of(config, precision)
    trainer.predict(batch_of(config, 8))
    calls = {kernel.types: kernel.calls for kernel in trainer.own_kernels}
    assert set(calls) == formats
    # Two layers below, three above, and the dot products; the last layer alone stays in fp32.
    assert sum(calls.values()) == 6
    assert {kernel.implementation for kernel in trainer.own_kernels} == {"pytorch:cpu"}
    assert calls["src:f32 wei:f32"] == (6 if precision is Precision.FP32 else 1)


def test_precisions_and_devices_that_are_not_there_are_refused():
    for precision in (Precision.FP32, Precision.FP16, Precision.BFLOAT16):
        graphs.require(precision)
    with pytest.raises(HostError, match="ENGINE=graphs trains in fp32, fp16, bfloat16, not in int8"):
        graphs.require(Precision.INT8)
    config = config_of(tables=2, width=8)
    order = TrainerOrder(setting=setting_of(), batch_size=8, device="npu:0")
    with pytest.raises(HostError, match=r"device npu:0 cannot be used here \(.*\); choose cpu"):
        graphs.make(config, *weights_of(config), order)
