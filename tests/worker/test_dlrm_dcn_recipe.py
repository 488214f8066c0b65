"""The recipe of DLRM on a model with a cross network and several ids in each table."""

import json

import pytest
import torch
from dcn_golden import SNAPSHOT, golden_config
from open_gate import OpenGate
from recipe_cases import order_of

from pinbench.base.errors import DataError, ModelError, UsageError
from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.worker.models.dlrm.sparse import HotArch
from pinbench.worker.recipes import dlrm
from pinbench.worker.recipes._dlrm_adagrad import optimizer_of
from pinbench.worker.recipes._dlrm_training_orders import training_run
from pinbench.worker.training.dlrm_dcn import eager as trained_eager
from pinbench.worker.training.mlperf_log import open_log

CONFIG = golden_config()
OWN: dict[str, Scalar] = {
    "ARCH_SPARSE_FEATURE_SIZE": 16,
    "ARCH_MLP_BOT": "13-32-24-16",
    "ARCH_MLP_TOP": "64-48-32-24-1",
    "ARCH_EMBEDDING_SIZE": "-".join(map(str, CONFIG.table_rows)),
    "ARCH_INTERACTION_OP": "dcn",
    "MULTI_HOT_SIZES": "-".join(map(str, CONFIG.hots)),
    "DCN_NUM_LAYERS": 3,
    "DCN_LOW_RANK_DIM": 20,
    "MAX_IND_RANGE": 590,
    "INDEX_ALPHA": 1.05,
}
LEARNED: dict[str, Scalar] = {
    "LEARNING_RATE": 0.005, "LR_WARMUP_STEPS": 0, "LR_DECAY_START_STEP": 0, "LR_DECAY_STEPS": 0,
    "GRADIENT_ACCUMULATION": 2, "DATA_THREADS": 1,
}  # fmt: skip


def case_of(own: dict[str, Scalar] | None = None, function: Function = Function.INFERENCE, **knobs: object) -> Case:
    chosen = {"batch_size": 8, "warmup_steps": 1, "steps": 2, "min_duration_s": 0.0, "own": OWN | (own or {})}
    return Case(
        workload="DLRMv2-PyTorch-Public", name="dlrmv2", recipe="dlrm", function=function, mode=Mode.THROUGHPUT,
        isa=Isa.AVX, precision=Precision.FP32, variant=Variant.GATED, knobs=Knobs(**(chosen | knobs)),
    )  # fmt: skip


def prepared(own: dict[str, Scalar] | None = None, **changes: object):
    return dlrm.prepare(order_of(case_of(own, **changes)), OpenGate(), None)


@pytest.mark.parametrize("checkpoint", [None, str(SNAPSHOT)])
def test_the_step_computes_what_the_independent_computation_finds(checkpoint):
    found = prepared({"CHECKPOINT": checkpoint})
    assert found.step(found.batches[0]).shape == (8,)
    assert found.batches[0].sparse_BF.shape == (8, 214)
    quality = found.check()
    assert quality.max_logit_error <= quality.tolerance
    assert found.model.name == "DLRM-DCNv2"
    assert found.model.origin == (checkpoint or "seed 0")
    assert (found.model.max_ind_range, found.model.table_rows) == (590, sum(CONFIG.table_rows))
    assert "214 ids a sample" in found.data.detail


def test_ids_in_the_wrong_table_are_found(monkeypatch):
    forward = HotArch.forward
    monkeypatch.setattr(HotArch, "forward", lambda self, ids: forward(self, ids.roll(1, 0)))
    with pytest.raises(ModelError, match="outputs differ from fp32 eager"):
        prepared({"CHECKPOINT": str(SNAPSHOT)}).check()


def test_the_cap_takes_ids_modulo_and_is_recorded():
    found = prepared({"MAX_IND_RANGE": 50})
    assert found.model.max_ind_range == 50
    assert found.batches[0].sparse_BF.max() < 50
    assert found.check().max_logit_error <= 1e-4


@pytest.mark.parametrize(
    ("own", "error", "message"),
    [
        ({"MULTI_HOT_SIZES": "3-2"}, UsageError, "MULTI_HOT_SIZES has 2 numbers for 26 tables; give one for each"),
        ({"CHECKPOINT": "/none"}, ModelError, "CHECKPOINT=/none: no such file"),
        (
            {"CHECKPOINT": str(SNAPSHOT), "DCN_NUM_LAYERS": 2},
            ModelError,
            "V_kernels.2, which this architecture has not",
        ),
        ({"CHECKPOINT": str(SNAPSHOT), "MAX_IND_RANGE": 100}, ModelError, r"emb_l.0.weight is 400x16, but .* 100x16"),
    ],
)
def test_what_does_not_fit_is_one_line_before_weights_are_made(own, error, message):
    with pytest.raises(error, match=message) as refusal:
        prepared(own)
    assert "\n" not in str(refusal.value)


def test_data_of_one_id_a_category_are_refused_with_the_way_out():
    criteo = str(SNAPSHOT.parents[2] / "criteo" / "loader")
    with pytest.raises(DataError, match=r"is of the form mlperf, with one id .*--format multihot"):
        prepared(data_type=DataType.REAL, dataset_dir=criteo)


def test_training_learns_by_adagrad_and_its_check_sees_that():
    found = prepared(LEARNED, function=Function.TRAINING)
    found.probe()
    found.warm_up_step(found.batches[0])
    quality = found.check()
    assert quality.max_logit_error <= quality.tolerance
    found.step(found.batches[1])
    assert found.training().samples == 8
    assert found.engine.settings["optimizer"].startswith("Adagrad by element, eps 1e-08")


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("learn_rows", lambda tables, sums, bags, rate: None, "a step of the trainer differs from one of fp32"),
        ("learn", lambda weight, sums, gradient, rate: weight.sub_(rate * gradient), "differs from"),
    ],
)
def test_a_trainer_that_learns_something_else_is_found(monkeypatch, name, wrong, message):
    monkeypatch.setattr(trained_eager, name, wrong)
    with pytest.raises(ModelError, match=message):
        prepared(LEARNED, function=Function.TRAINING).check()


def test_adagrads_sums_count_as_rows_of_the_tables():
    row_bytes = 16 * 4
    big = {"ARCH_EMBEDDING_SIZE": "-".join(["400000"] * 26), "MAX_IND_RANGE": 400_000}
    tables = 26 * 400_000 * row_bytes
    order = order_of(case_of(LEARNED | big, function=Function.TRAINING), budget_bytes=tables + (300 << 20))
    with pytest.raises(ModelError, match=r"take 1\.2 GiB"):
        dlrm.prepare(order, OpenGate(), None)


def test_mlperfs_log_names_the_benchmark_and_its_optimizer(tmp_path):
    own = LEARNED | {
        "MLPERF_LOGGING": True, "MLPERF_ORG": "o", "MLPERF_PLATFORM": "p", "MLPERF_DIVISION": "open",
        "MLPERF_STATUS": "research", "EPOCHS": 1,
    }  # fmt: skip
    case = case_of(own, function=Function.TRAINING)
    log = open_log(case, tmp_path, optimizer_of(case))

    class Rows:
        rows = 100

    log.initialised(training_run(case, CONFIG, Rows(), 50))
    (path,) = tmp_path.iterdir()
    lines = [json.loads(line.removeprefix(":::MLLOG ")) for line in path.read_text().splitlines()]
    told = {line["key"]: line["value"] for line in lines}
    assert told["submission_benchmark"] == "dlrm_dcnv2"
    assert (told["opt_name"], told["opt_adagrad_epsilon"], told["opt_base_learning_rate"]) == ("adagrad", 1e-8, 0.005)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield
