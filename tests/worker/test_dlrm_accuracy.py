"""Accuracy mode of the recipe on the reference's checkpoint and rows, compared with scikit-learn."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cpu_marks import needs_bfloat16
from criteo_sets import write_manifest
from open_gate import OpenGate
from recipe_cases import TINY
from safetensors.torch import save_file
from sklearn.metrics import log_loss, roc_auc_score

from pinbench.base.errors import DataError, ModelError, UsageError
from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.contract.data import DataFormat
from pinbench.contract.plan import Instance, WeightSource
from pinbench.contract.result import Accuracy
from pinbench.worker.loop import warm_up
from pinbench.worker.models.checkpoint_file import read_checkpoint
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes import _dlrm_accuracy, dlrm
from pinbench.worker.recipes._dlrm_accuracy import compared_pieces

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
CRITEO = Path(__file__).parents[1] / "data" / "criteo" / "loader"
ROWS = 256
OWN: dict[str, Scalar] = {
    **TINY,
    "DATA_LOADING": "end_to_end",
    "DATA_THREADS": 2,
}


@pytest.fixture(scope="module")
def infer() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "tiny_infer.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def case_of(precision: Precision = Precision.FP32, checkpoint: Path = GOLDEN / "tiny_tb00.pt", **knobs: object) -> Case:
    chosen = {
        "batch_size": 100, "warmup_steps": 3, "steps": None, "min_duration_s": 0.0, "data_type": DataType.REAL,
        "dataset_dir": str(CRITEO), "own": OWN | {"CHECKPOINT": str(checkpoint)},
    }  # fmt: skip
    return Case(
        workload="DLRM-PyTorch-Xeon-Public", name="dlrm", recipe="dlrm", function=Function.INFERENCE,
        mode=Mode.ACCURACY, isa=Isa.AVX, precision=precision, variant=Variant.FULL, knobs=Knobs(**(chosen | knobs)),
    )  # fmt: skip


def order_of(case: Case, budget_bytes: int = 1 << 30, shards: int = 1) -> Instance:
    return Instance(
        index=0, case=case, shard=0, shards=shards, cpus=tuple(os.sched_getaffinity(0)), memory_nodes=(0,),
        weights=WeightSource.PRIVATE, store=None, weight_budget_bytes=budget_bytes, env={},
    )  # fmt: skip


def judged(case: Case) -> tuple[Accuracy, Prepared]:
    """Do what an instance does: warm up, check, and take each step once."""
    prepared = dlrm.prepare(order_of(case), OpenGate(), None)
    try:
        warm_up(prepared.warm_up_step, prepared.batches, case.knobs.warmup_steps)
        prepared.check()
        for _ in range(prepared.steps):
            prepared.step(None)
        assert prepared.flow().rows == prepared.data.rows
        return prepared.accuracy(), prepared
    finally:
        prepared.close()


@pytest.mark.parametrize("batch_size", [16, 100, 255, 256, 1000])
def test_the_figures_are_those_of_the_references_probabilities_whatever_the_batches(infer, batch_size):
    probability, click = infer["prob"].squeeze(1), infer["label"].reshape(-1)
    found, prepared = judged(case_of(batch_size=batch_size))
    assert (found.samples, found.clicks) == (ROWS, int(click.sum()))
    assert found.auc == pytest.approx(roc_auc_score(click, probability), abs=1e-12)
    assert found.log_loss == pytest.approx(log_loss(click, probability.astype(np.float64)), abs=1e-6)
    assert found.correct == int((np.round(probability) == click).sum())
    assert prepared.steps == -(-ROWS // batch_size)
    assert prepared.data.detail.endswith("each row once")
    assert (found.bayes_auc, found.fp32) == (None, None)  # nothing is known of real rows, and fp32 is the measure


def test_all_containers_of_the_checkpoint_give_the_same_figures(tmp_path):
    zipped, _ = judged(case_of())
    legacy, _ = judged(case_of(checkpoint=GOLDEN / "tiny_tb00_legacy.pt"))
    save_file(read_checkpoint(GOLDEN / "tiny_tb00.pt")["state_dict"], tmp_path / "tiny.safetensors")
    flat, prepared = judged(case_of(checkpoint=tmp_path / "tiny.safetensors"))
    assert zipped == legacy == flat
    assert prepared.model.origin.endswith("tiny.safetensors")


def test_steps_take_the_first_rows_only(infer):
    found, prepared = judged(case_of(batch_size=50, steps=3))
    click = infer["label"].reshape(-1)[:150]
    assert (found.samples, prepared.steps, prepared.data.rows) == (150, 3, 150)
    assert found.auc == pytest.approx(roc_auc_score(click, infer["prob"].squeeze(1)[:150]), abs=1e-12)
    assert prepared.data.detail.endswith("each of the first 150 of 256 rows once")
    assert judged(case_of(batch_size=50, steps=300))[0].samples == ROWS


@pytest.mark.parametrize(
    "precision", [pytest.param(Precision.BFLOAT16, marks=needs_bfloat16), Precision.BFLOAT32, Precision.INT8]
)
def test_a_lower_precision_is_compared_with_fp32_on_the_same_rows(infer, precision):
    found, _ = judged(case_of(precision))
    expected = roc_auc_score(infer["label"].reshape(-1), infer["prob"].squeeze(1))
    assert found.fp32.samples == ROWS
    assert found.fp32.fp32_auc == pytest.approx(expected, abs=1e-4)  # sums in another order may swap close scores
    assert found.fp32.auc == found.auc  # all rows were compared
    assert abs(found.fp32.auc - found.fp32.fp32_auc) < 0.02


def test_of_a_large_split_pieces_at_equal_distances_are_compared(monkeypatch):
    assert list(compared_pieces(3000)) == [(0, 1500), (1500, 3000)]
    pieces = list(compared_pieces(89_137_319))
    assert (len(pieces), {end - begin for begin, end in pieces}) == (32, {2048})
    assert (pieces[0][0], pieces[16][0]) == (0, 89_137_319 // 2)
    monkeypatch.setattr(_dlrm_accuracy, "_PIECE_ROWS", 20)
    monkeypatch.setattr(_dlrm_accuracy, "_COMPARED_PIECES", 5)
    found, _ = judged(case_of(Precision.BFLOAT32))
    assert (found.samples, found.fp32.samples) == (256, 100)


def test_rows_with_a_planted_law_show_the_limit(tmp_path):
    for file in CRITEO.glob("*[!z]"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "day_fea_count.npz").write_bytes((CRITEO / "day_fea_count.npz").read_bytes())
    with np.load(CRITEO / "day_fea_count.npz") as counts:
        rows = tuple(counts["counts"].tolist())
    write_manifest(tmp_path, DataFormat.MLPERF, ROWS, table_rows=rows, planted_auc=0.875)
    found, _ = judged(case_of(dataset_dir=str(tmp_path)))
    assert found.bayes_auc == 0.875


def test_rows_of_one_class_have_no_accuracy(infer):
    few = int(np.argmax(infer["label"].reshape(-1) != infer["label"].reshape(-1)[0]))
    assert few > 0
    with pytest.raises(DataError, match="an area under the curve compares clicks with other rows"):
        judged(case_of(batch_size=few, steps=1))


def test_made_up_samples_and_parts_of_a_split_are_refused():
    made_up = case_of(data_type=DataType.SYNTHETIC, own=OWN | {"INDEX_ALPHA": 1.0})
    with pytest.raises(UsageError, match="MODE=accuracy scores labelled rows; set DATA_TYPE=real and DATASET_DIR"):
        dlrm.prepare(order_of(made_up), OpenGate(), None)
    with pytest.raises(UsageError, match="ranks all scores together; set INSTANCE_NUMBER=1, not 2"):
        dlrm.prepare(order_of(case_of(), shards=2), OpenGate(), None)


def test_scores_that_do_not_fit_are_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(_dlrm_accuracy, "SCORE_ROW_BYTES", 1 << 20)
    with pytest.raises(ModelError, match=r"the scores of 256 rows take 2\d\d\.\d MiB, this instance may take .*STEPS"):
        dlrm.prepare(order_of(case_of(), budget_bytes=200 << 20), OpenGate(), None)
    assert dlrm.prepare(replace(order_of(case_of())), OpenGate(), None).close() is None
