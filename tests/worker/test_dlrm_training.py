"""The training recipe: what it hands to the loop, what it checks, and what it refuses before anything takes long."""

import os
from dataclasses import replace

import pytest
import torch
from open_gate import OpenGate
from recipe_cases import TINY
from training_golden import GOLDEN, TEST_BATCH_SIZE

from pinbench.base.errors import DataError, ModelError, UsageError
from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.contract.plan import Instance, WeightSource
from pinbench.worker.loop import measure_while, warm_up
from pinbench.worker.models.dlrm.footprint import training_step_bytes
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes import _dlrm_training, _dlrm_training_check, dlrm
from pinbench.worker.training import dlrm as trainers
from pinbench.worker.training.checkpoint import FILE, read_saved
from pinbench.worker.training.dlrm import _stacks, eager

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL: dict[str, Scalar] = {
    **TINY,
    "INDEX_ALPHA": 1.05,
    "DATA_LOADING": "ready",
    "DATA_THREADS": 1,
    "GRADIENT_ACCUMULATION": 1,
    "LEARNING_RATE": 1.0,
    "LR_WARMUP_STEPS": 10,
    "LR_DECAY_START_STEP": 30,
    "LR_DECAY_STEPS": 15,
    "EPOCHS": 1,
    "TEST_FREQ": 25,
    "TEST_BATCH_SIZE": TEST_BATCH_SIZE,
}


def case_of(mode=Mode.THROUGHPUT, own: dict[str, Scalar] | None = None, **knobs: object) -> Case:
    chosen = {"batch_size": 64, "warmup_steps": 2, "steps": 5, "min_duration_s": 0.0, "weight_sharing": False}
    loading = {"DATA_LOADING": "end_to_end"} if mode is Mode.ACCURACY else {}
    if mode is Mode.ACCURACY:
        chosen |= {"steps": None, "data_type": DataType.REAL, "dataset_dir": str(GOLDEN)}
    precision = knobs.pop("precision", Precision.FP32)
    return Case(
        workload="DLRM-PyTorch-Xeon-Public", name="dlrm", recipe="dlrm", function=Function.TRAINING, mode=mode,
        isa=Isa.AVX, precision=precision, variant=Variant.GATED,
        knobs=Knobs(**(chosen | {"own": SMALL | loading | (own or {})} | knobs)),
    )  # fmt: skip


def order_of(case: Case, budget_bytes: int = 1 << 30) -> Instance:
    return Instance(
        index=0, case=case, shard=0, shards=1, cpus=tuple(os.sched_getaffinity(0)), memory_nodes=(0,),
        weights=WeightSource.PRIVATE, store=None, weight_budget_bytes=budget_bytes, env={},
    )  # fmt: skip


def prepared_of(case: Case, **more: object) -> Prepared:
    return dlrm.prepare(order_of(case, **more), OpenGate(), None)


def trained(case: Case) -> Prepared:
    """Do what an instance does with an accuracy case."""
    prepared = prepared_of(case)
    try:
        prepared.probe()
        warm_up(prepared.warm_up_step, prepared.batches, case.knobs.warmup_steps)
        prepared.check()
        measure_while(prepared.step, prepared.more, 0)
        prepared.accuracy()
        return prepared
    finally:
        prepared.close()


@pytest.mark.parametrize("engine", ["eager", "pinned"])
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BFLOAT16])
def test_a_step_of_a_throughput_run_learns_and_is_checked(precision, engine):
    prepared = prepared_of(case_of(precision=precision, engine=engine))
    if prepared.engine.fallback is not None:
        pytest.skip(prepared.engine.fallback)
    kernels = prepared.probe().kernels
    assert {kernel.primitive for kernel in kernels} & {"matmul", "inner_product"}
    warm_up(prepared.warm_up_step, prepared.batches, 2)
    quality = prepared.check()
    assert quality.samples == 64
    assert 0 < quality.max_logit_error <= quality.tolerance
    for batch in prepared.batches[:20]:
        prepared.step(batch)
    training = prepared.training()
    assert (training.samples, training.steps_per_epoch, training.evaluations) == (20 * 64, None, ())
    assert 0 < training.loss < 1
    assert prepared.accuracy() is None
    assert prepared.model.flops_per_sample == 3 * dlrm.prepare(
        order_of(replace(case_of(), function=Function.INFERENCE)), OpenGate(), None
    ).model.flops_per_sample  # fmt: skip


def with_other_outputs(trainer):
    predict = trainer.predict
    trainer.predict = lambda batch: (predict(batch) + 0.001).clamp(0, 1)


def with_another_loss(trainer):
    step = trainer.step
    trainer.step = lambda batches, rate: step(batches, rate) + 0.01


def with_a_shorter_step(trainer):
    step = trainer.step
    trainer.step = lambda batches, rate: step(batches, 0.99 * rate)


def with_a_table_that_learns_nothing(trainer):
    step = trainer.step

    def forget(batches, rate):
        before = trainer.state()["emb_l.3.weight"].clone()
        loss = step(batches, rate)
        trainer.state()["emb_l.3.weight"].copy_(before)
        return loss

    trainer.step = forget


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (with_other_outputs, "outputs differ from fp32 by"),
        (with_another_loss, "the trainer's loss is .* it learns something else"),
        (with_a_shorter_step, "a step of the trainer differs from one of fp32 by 0.01"),
        (with_a_table_that_learns_nothing, "a step of the trainer differs from one of fp32 by"),
    ],
)
def test_a_trainer_that_computes_something_else_is_found_out(monkeypatch, spoil, message):
    make = eager.make

    def spoiled(*arguments):
        trainer = make(*arguments)
        spoil(trainer)
        return trainer

    monkeypatch.setattr(eager, "make", spoiled)
    with pytest.raises(ModelError, match=message):
        prepared_of(case_of()).check()


def test_an_accuracy_run_learns_evaluates_and_tells_the_course():
    prepared = trained(case_of(Mode.ACCURACY))
    training, accuracy = prepared.training(), prepared.accuracy()
    assert [found.step for found in training.evaluations] == [25, 50]
    assert (training.samples, training.steps_per_epoch) == (3200, 50)
    assert accuracy == training.evaluations[-1].accuracy
    assert accuracy.samples == 500
    assert prepared.flow().rows == 3200
    assert prepared.data.detail.endswith("each row once an epoch, in the order of the files")


def test_neither_probe_nor_warm_up_nor_check_of_an_accuracy_run_learns(tmp_path):
    whole = trained(case_of(Mode.ACCURACY, own={"CHECKPOINT_DIR": str(tmp_path / "a")}))
    prepared = prepared_of(case_of(Mode.ACCURACY, own={"CHECKPOINT_DIR": str(tmp_path / "b")}))
    measure_while(prepared.step, prepared.more, 0)
    prepared.close()
    assert prepared.accuracy() == whole.accuracy()
    first, second = ((tmp_path / name / FILE).read_bytes()[-100_000:] for name in "ab")
    assert first == second


def test_the_target_ends_it():
    training = trained(case_of(Mode.ACCURACY, own={"TARGET_AUC": 0.3})).training()
    assert len(training.evaluations) == 1
    assert training.reached_s == training.evaluations[0].elapsed_s > 0


def test_steps_and_test_steps_are_the_most():
    training = trained(case_of(Mode.ACCURACY, own={"TEST_STEPS": 2}, steps=30)).training()
    assert [found.step for found in training.evaluations] == [25, 30]
    assert training.evaluations[0].accuracy.samples == 2 * TEST_BATCH_SIZE


def test_without_a_test_frequency_there_are_twenty_evaluations_an_epoch():
    case = case_of(Mode.ACCURACY, batch_size=32)
    own = {name: value for name, value in case.knobs.own.items() if name != "TEST_FREQ"}
    training = trained(replace(case, knobs=replace(case.knobs, own=own))).training()
    assert [found.step for found in training.evaluations] == list(range(5, 101, 5))


def test_a_run_goes_on_where_another_one_stopped(tmp_path):
    own: dict[str, Scalar] = {"CHECKPOINT_DIR": str(tmp_path / "cut")}
    whole = trained(case_of(Mode.ACCURACY, own={"CHECKPOINT_DIR": str(tmp_path / "whole")}))
    trained(case_of(Mode.ACCURACY, own=own, steps=30))
    rest = trained(case_of(Mode.ACCURACY, own=own | {"RESUME": True}))
    assert rest.training().resumed_step == 30
    assert rest.training().samples == 20 * 64
    assert rest.accuracy() == whole.accuracy()
    assert read_saved(tmp_path / "cut" / FILE).step == 50
    with pytest.raises(UsageError, match="has ended after 50 steps"):
        prepared_of(case_of(Mode.ACCURACY, own=own | {"RESUME": True}))
    with pytest.raises(UsageError, match=r"was written with LEARNING_RATE=1\.0, now LEARNING_RATE=2\.0"):
        prepared_of(case_of(Mode.ACCURACY, own=own | {"RESUME": True, "LEARNING_RATE": 2.0, "EPOCHS": 2}))
    with pytest.raises(UsageError, match=f"{FILE} exists; RESUME=True goes on with it"):
        prepared_of(case_of(Mode.ACCURACY, own=own))


def test_a_folder_of_checkpoints_has_one_training_at_a_time(tmp_path):
    own: dict[str, Scalar] = {"CHECKPOINT_DIR": str(tmp_path)}
    prepared = prepared_of(case_of(Mode.ACCURACY, own=own))
    with pytest.raises(DataError, match="another training is at work in CHECKPOINT_DIR="):
        prepared_of(case_of(Mode.ACCURACY, own=own))
    prepared.close()
    prepared_of(case_of(Mode.ACCURACY, own=own)).close()


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    own: dict[str, Scalar] = {"CHECKPOINT_DIR": str(tmp_path)}
    trained(case_of(Mode.ACCURACY, own=own, steps=3))
    other = own | {"RESUME": True, "ARCH_MLP_TOP": "60-48-32-24-1"}
    with pytest.raises(ModelError, match=r"top_l\.0\.weight is 64x367, but the case asks for 60x367"):
        prepared_of(case_of(Mode.ACCURACY, own=other))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (case_of(engine="ipex"), r"^ENGINE=ipex does not train DLRM; set ENGINE to one of: .*eager"),
        (case_of(own={"LR_DECAY_START_STEP": 5}), "LR_DECAY_START_STEP=5 lies within the warm-up"),
        (case_of(own={"RESUME": True}), "RESUME=True goes on with a checkpoint; set CHECKPOINT_DIR"),
        (case_of(Mode.ACCURACY, data_type=DataType.SYNTHETIC, dataset_dir=None), "set DATA_TYPE=real and DATASET_DIR"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_weights_are_made(case, message):
    gate = OpenGate()
    with pytest.raises(UsageError, match=message):
        dlrm.prepare(order_of(case), gate, None)
    assert gate.phases == []


def test_every_trainer_says_what_it_needs():
    assert set(_dlrm_training.plugin_names(trainers)) >= {"eager"}
    for name in _dlrm_training.plugin_names(trainers):
        _dlrm_training.load_plugin(trainers, name).require(Precision.FP32)


def test_a_training_that_diverged_has_no_speed():
    prepared = prepared_of(case_of(own={"LEARNING_RATE": 1e30, "LR_WARMUP_STEPS": 0}))
    for batch in prepared.batches[:5]:
        prepared.step(batch)
    with pytest.raises(ModelError, match="the loss after 5 steps is nan: the training has diverged"):
        prepared.training()


def test_gradients_and_what_layers_keep_count_before_the_tables():
    config = prepared_of(case_of()).model
    assert config is not None
    with pytest.raises(
        ModelError, match=r"batches and activations of BATCH_SIZE=65536 take .*, this instance may take"
    ):
        prepared_of(case_of(batch_size=65_536), budget_bytes=256 << 20)
    whole = _memory(case_of(batch_size=16_384))
    parts = _memory(case_of(batch_size=16_384, own={"GRADIENT_ACCUMULATION": 16}))
    assert parts < whole


def _memory(case: Case) -> int:
    sizes = _dlrm_training.sizes_of(order_of(case), None, torch.float32, lambda _: 1 << 30)[0]
    part_rows = case.knobs.batch_size // int(case.knobs.own["GRADIENT_ACCUMULATION"])
    return training_step_bytes(sizes, part_rows, case.knobs.batch_size)


def test_the_check_knows_each_precision_that_trains():
    assert set(_dlrm_training_check._UPDATE_TOLERANCE) >= set(_stacks.COMPUTE)
