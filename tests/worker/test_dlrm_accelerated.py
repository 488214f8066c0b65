"""The recipe of accelerators on the CPU: small models, data of any features, and what is refused before all else."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from open_gate import OpenGate

from pinbench.base.errors import DataError, HostError, UsageError
from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.contract.plan import Instance, WeightSource
from pinbench.worker.recipes import dlrm_accelerated

TABLES = (5, 300, 40_000, 7)
NUMERICALS = 3
OWN: dict[str, Scalar] = {
    "DEVICE": "cpu", "LOCAL_RANK": 0, "ARCH_SPARSE_FEATURE_SIZE": 8, "ARCH_MLP_BOT": "13-16-8", "ARCH_MLP_TOP": "16-1",
    "ARCH_EMBEDDING_SIZE": "-".join(["90"] * 26), "ARCH_INTERACTION_OP": "dot", "MAX_IND_RANGE": 40_000,
    "INDEX_ALPHA": 1.05, "DATA_THREADS": 1, "DATA_LOADING": "ready", "GRADIENT_ACCUMULATION": 1,
    "LEARNING_RATE": 0.1, "LR_WARMUP_STEPS": 0, "LR_DECAY_START_STEP": 0, "LR_DECAY_STEPS": 0, "EPOCHS": 1,
    "TEST_BATCH_SIZE": 64, "PRINT_FREQ": 4,
}  # fmt: skip


def instance_of(function=Function.TRAINING, mode=Mode.THROUGHPUT, precision=Precision.FP32, own=None, **changes):
    knobs = {"batch_size": 16, "warmup_steps": 1, "steps": None, "min_duration_s": 0.0, "engine": "graphs"}
    overrides = changes.pop("overrides", ())
    case = Case(
        workload="DLRM-PyTorch-NVIDIA", name="dlrm", recipe="dlrm_accelerated", function=function, mode=mode,
        isa=Isa.ANY, precision=precision, variant=Variant.GATED, overrides=overrides,
        knobs=Knobs(**(knobs | {"own": OWN | (own or {})} | changes)),
    )  # fmt: skip
    return Instance(
        index=0, case=case, shard=0, shards=1, cpus=tuple(os.sched_getaffinity(0)), memory_nodes=(0,),
        weights=WeightSource.PRIVATE, store=None, weight_budget_bytes=1 << 30, env={},
    )  # fmt: skip


@pytest.fixture
def dataset(tmp_path):
    """A set of other features than Criteo's: the first number tells the label."""
    random = np.random.default_rng(3)
    names = [f"c{table}" for table in range(len(TABLES))]
    numbers = [f"n{number}" for number in range(NUMERICALS)]
    types = ["int8", "int16", "int32", "int8"]
    columns = list(zip(names, types, TABLES, strict=True))
    features = {name: {"dtype": kind, "cardinality": rows} for name, kind, rows in columns}
    features |= {name: {"dtype": "float16"} for name in numbers} | {"click": {"dtype": "bool"}}
    sources = {}
    for split, rows in (("train", 200), ("test", 100)):
        folder = tmp_path / split
        folder.mkdir()
        label_B = random.random(rows) < 0.4
        number_BI = random.random((rows, NUMERICALS)).astype("<f2")
        number_BI[:, 0] += 2 * label_B
        label_B.tofile(folder / "label.bin")
        number_BI.tofile(folder / "numerical.bin")
        chunks = [(numbers, "numerical.bin"), (["click"], "label.bin")]
        for name, kind, size in columns:
            random.integers(0, size, rows).astype(kind).tofile(folder / f"{name}.bin")
            chunks.append(([name], f"{name}.bin"))
        sources[split] = [{"type": "split_binary", "features": f, "files": [f"{split}/{file}"]} for f, file in chunks]
    channels = {"categorical": names, "numerical": numbers, "label": ["click"]}
    spec = {"channel_spec": channels, "feature_spec": features, "source_spec": sources, "metadata": {}}
    (tmp_path / "feature_spec.yaml").write_text(yaml.safe_dump(spec))
    return tmp_path


def real(dataset: Path, **changes):
    return instance_of(data_type=DataType.REAL, dataset_dir=str(dataset), **changes)


def run(prepared):
    """Make all steps of a training that is evaluated."""
    while prepared.more():
        prepared.step(None)
    prepared.close()
    return prepared.training()


def test_a_training_follows_the_features_of_the_spec_and_learns(dataset, capfd):
    prepared = dlrm_accelerated.prepare(
        real(dataset, mode=Mode.ACCURACY, own={"EPOCHS": 20, "LEARNING_RATE": 0.5, "DATA_LOADING": "end_to_end"}),
        OpenGate(), None,
    )  # fmt: skip
    assert prepared.model.table_rows == sum(TABLES)
    # 3-16-8, and of 5 vectors 10 pairs and the dense one itself: 18-16-1
    assert prepared.model.parameters == 8 * sum(TABLES) + (3 + 1) * 16 + (16 + 1) * 8 + (18 + 1) * 16 + 17
    prepared.warm_up_step(prepared.batches[0])
    assert prepared.check().max_logit_error < 1e-4
    found = run(prepared)
    assert found.samples == 20 * 200
    assert found.evaluations[-1].accuracy.samples == 100
    assert found.evaluations[-1].accuracy.auc > 0.95
    assert found.evaluations[0].accuracy.auc < found.evaluations[-1].accuracy.auc
    lines = [line for line in capfd.readouterr().err.splitlines() if "ms/step" in line]
    assert len(lines) == 65  # of 260 steps one in four
    assert prepared.device().device == "cpu"
    assert prepared.device().asked == "cpu"


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16])
def test_inference_scores_each_test_row_of_such_a_set_once(dataset, precision):
    prepared = dlrm_accelerated.prepare(
        real(
            dataset, function=Function.INFERENCE, mode=Mode.ACCURACY, precision=precision,
            own={"DATA_LOADING": "end_to_end"},
        ),
        OpenGate(), None,
    )  # fmt: skip
    for _ in range(prepared.steps):
        prepared.step(None)
    prepared.close()
    found = prepared.accuracy()
    assert (found.samples, prepared.steps) == (100, 7)
    assert (found.fp32 is None) == (precision is Precision.FP32)
    assert found.fp32 is None or abs(found.fp32.auc - found.auc) < 0.01
    assert prepared.engine.settings["compute"] == {"fp32": "float32", "fp16": "float16"}[precision]


@pytest.mark.parametrize("function", list(Function))
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16])
@pytest.mark.parametrize("engine", ["graphs", "eager"])
def test_steps_on_made_up_rows_compute_what_fp32_does(function, precision, engine):
    if engine == "eager" and precision is Precision.FP16:
        with pytest.raises(HostError, match="ENGINE=eager trains in fp32, bfloat16, not in fp16"):
            dlrm_accelerated.prepare(instance_of(function, precision=precision, engine=engine), OpenGate(), None)
        return
    prepared = dlrm_accelerated.prepare(instance_of(function, precision=precision, engine=engine), OpenGate(), None)
    prepared.probe()
    prepared.step(prepared.batches[0])
    assert prepared.check().max_logit_error <= prepared.check().tolerance
    assert prepared.engine.name == engine
    assert (prepared.gemm_peak() is None) == (precision is Precision.FP16)


def test_steps_that_read_their_rows_get_them_from_the_split(dataset):
    for function, rows in ((Function.TRAINING, 200), (Function.INFERENCE, 100)):
        own = {"DATA_LOADING": "end_to_end"}
        prepared = dlrm_accelerated.prepare(real(dataset, function=function, own=own), OpenGate(), None)
        prepared.step(None)
        assert prepared.flow().rows == 16
        assert prepared.data.rows == rows
        prepared.close()


def test_a_device_that_is_not_there_is_refused_before_anything_else(dataset):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    gate = OpenGate()
    with pytest.raises(HostError, match=r"^DEVICE=cuda is not on this host: .*; set DEVICE=cpu to run without it$"):
        dlrm_accelerated.prepare(instance_of(own={"DEVICE": "cuda"}), gate, None)
    assert (gate.phases, gate.passed) == ([], [])


def test_a_bottom_mlp_that_a_user_sets_must_be_that_of_the_data(dataset):
    chosen = real(dataset, own={"ARCH_MLP_BOT": "4-16-8"}, overrides=("ARCH_MLP_BOT",))
    with pytest.raises(UsageError, match=r"begins with 4, but must begin with 3: so many .* of DATASET_DIR="):
        dlrm_accelerated.prepare(chosen, OpenGate(), None)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda spec: spec["feature_spec"]["c1"].update(dtype="int64"), "c1 has dtype int64, not int8 or int16"),
        (lambda spec: spec["feature_spec"]["c2"].update(cardinality=0), "c2 has cardinality 0"),
        (lambda spec: spec["channel_spec"].update(numerical=[]), "channel_spec name different features"),
        (lambda spec: spec["source_spec"].pop("train"), "source_spec has test, not train"),
        (lambda spec: spec["feature_spec"]["c2"].update(cardinality=9), "gives it 9 ids; they belong to different"),
    ],
)
def test_a_damaged_spec_is_one_line_with_the_place(dataset, damage, complaint):
    path = dataset / "feature_spec.yaml"
    spec = yaml.safe_load(path.read_text())
    damage(spec)
    path.write_text(yaml.safe_dump(spec))
    with pytest.raises(DataError, match=complaint) as refusal:
        dlrm_accelerated.prepare(real(dataset), OpenGate(), None)
    assert "\n" not in str(refusal.value)


def test_a_set_without_numerical_features_has_nothing_for_the_bottom_mlp(dataset):
    path = dataset / "feature_spec.yaml"
    spec = yaml.safe_load(path.read_text())
    for number in range(NUMERICALS):
        del spec["feature_spec"][f"n{number}"]
    spec["channel_spec"]["numerical"] = []
    spec["source_spec"] = {split: chunks[1:] for split, chunks in spec["source_spec"].items()}
    path.write_text(yaml.safe_dump(spec))
    with pytest.raises(DataError, match="has no numerical features, and the bottom MLP of DLRM needs one"):
        dlrm_accelerated.prepare(real(dataset), OpenGate(), None)


def test_a_card_with_less_memory_than_the_host_decides_how_large_the_tables_are(monkeypatch):
    monkeypatch.setattr(dlrm_accelerated.devices, "free_bytes", lambda _: 30_000_000)
    big = instance_of(own={"ARCH_EMBEDDING_SIZE": "-".join(["1000000"] * 26)})
    own = {name: value for name, value in big.case.knobs.own.items() if name != "MAX_IND_RANGE"}
    free = replace(big, case=replace(big.case, knobs=replace(big.case.knobs, own=own)))
    assert dlrm_accelerated.prepare(free, OpenGate(), None).model.max_ind_range == 5_000
