"""The recipe under MLPerf's real LoadGen: all scenarios on a small model, and the accuracy log against scikit-learn."""

import importlib.util
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from open_gate import OpenGate
from recipe_cases import TINY
from sklearn.metrics import roc_auc_score

from pinbench.base.errors import HostError
from pinbench.base.jsonio import from_jsonable, to_jsonable
from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Scalar, Scenario, Variant
from pinbench.contract.plan import Instance, WeightSource
from pinbench.contract.result import LoadgenResult
from pinbench.worker.loadgen import library
from pinbench.worker.loop import measure_while, warm_up
from pinbench.worker.recipes import dlrm

pytestmark = pytest.mark.usefixtures("one_thread")

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
CRITEO = Path(__file__).parents[1] / "data" / "criteo" / "loader"
OWN: dict[str, Scalar] = {
    **TINY,
    "INDEX_ALPHA": 1.05,
    "SAMPLE_PAIRS": "one",
    "DATA_LOADING": "ready",
    "DATA_THREADS": 2,
}
REAL = {"data_type": DataType.REAL, "dataset_dir": str(CRITEO)}

needs_loadgen = pytest.mark.skipif(
    importlib.util.find_spec("mlperf_loadgen") is None,
    reason="no mlcommons-loadgen here; script/env/python mlperf installs it on x86-64 with Python 3.11 to 3.13",
)


def order_of(scenario: Scenario, mode: Mode = Mode.THROUGHPUT, own: dict[str, Scalar] | None = None, **knobs: object):
    chosen = {
        "batch_size": 64, "warmup_steps": 4, "steps": 100, "min_duration_s": 0.2, "engine": "eager",
        "scenario": scenario, "own": OWN | (own or {}),
    }  # fmt: skip
    case = Case(
        workload="DLRM-PyTorch-Xeon-Public", name="dlrm", recipe="dlrm", function=Function.INFERENCE, mode=mode,
        isa=Isa.AVX, precision=Precision.FP32, variant=Variant.GATED, knobs=Knobs(**(chosen | knobs)),
    )  # fmt: skip
    return Instance(
        index=0, case=case, shard=0, shards=1, cpus=tuple(sorted(os.sched_getaffinity(0))), memory_nodes=(0,),
        weights=WeightSource.PRIVATE, store=None, weight_budget_bytes=1 << 30, env={},
    )  # fmt: skip


def made_by_loadgen(order: Instance, folder: Path):
    """Do what an instance does: warm up, tell how long that took, check, and make the one step."""
    prepared = dlrm.prepare(order, OpenGate(), None, folder)
    prepared.warmed(warm_up(prepared.warm_up_step, prepared.batches, order.case.knobs.warmup_steps))
    prepared.check()
    timed = measure_while(prepared.step, prepared.more, 0)
    assert len(timed.step_ns) == 1
    return prepared


@needs_loadgen
@pytest.mark.parametrize(
    ("scenario", "pairs", "own"),
    [
        # Expectations that hold on a busy host and on a fast one: what is tested here is not its speed. Offline they
        # decide how many samples there are, which must last for 10 ms.
        (Scenario.OFFLINE, "one", {"TARGET_QPS": 1_000_000.0}),
        (Scenario.OFFLINE, "mlperf", {"TARGET_QPS": 5000.0}),
        (Scenario.SERVER, "one", {"TARGET_QPS": 100.0, "TARGET_LATENCY": 10_000.0}),
        (Scenario.SINGLE_STREAM, "mlperf", {}),
        (Scenario.MULTI_STREAM, "one", {}),
    ],
)
def test_each_scenario_is_asked_and_answered(scenario, pairs, own, tmp_path):
    found = made_by_loadgen(
        order_of(scenario, own={**own, "SAMPLE_PAIRS": pairs}, min_duration_s=0.01), tmp_path
    ).loadgen()
    assert found.scenario == scenario.value
    assert found.pairs == 32_768
    assert found.is_valid, found.reasons
    assert (found.samples_per_s is None) is (scenario in (Scenario.SINGLE_STREAM, Scenario.MULTI_STREAM))
    assert int(found.settings["performance_sample_count"]) == found.samples
    assert from_jsonable(LoadgenResult, to_jsonable(found)) == found


@needs_loadgen
def test_the_server_is_invalid_when_no_answer_can_come_in_time(tmp_path):
    own = {"TARGET_QPS": 2000.0, "TARGET_LATENCY": 0.001}
    found = made_by_loadgen(order_of(Scenario.SERVER, own=own, min_duration_s=0.01), tmp_path).loadgen()
    assert found.is_valid is False
    assert "Performance constraints satisfied: NO" in found.reasons


@needs_loadgen
@pytest.mark.parametrize("scenario", [item for item in Scenario if item])
def test_every_labelled_row_is_scored_once_and_as_scikit_learn_scores_it(scenario, tmp_path):
    own = {"CHECKPOINT": str(GOLDEN / "tiny_tb00.pt"), "SAMPLE_PAIRS": "mlperf", "TARGET_QPS": 500.0}
    order = order_of(scenario, Mode.ACCURACY, own, steps=None, **REAL)
    prepared = made_by_loadgen(order, tmp_path)
    accuracy = prepared.accuracy()
    with np.load(GOLDEN / "tiny_infer.npz") as golden:
        probability, label = golden["prob"].ravel(), golden["label"].ravel()
    assert accuracy.samples == prepared.loadgen().pairs == len(label)
    assert accuracy.auc == pytest.approx(roc_auc_score(label, probability), abs=1e-6)
    assert prepared.loadgen().is_valid is None


@needs_loadgen
@pytest.mark.parametrize("scenario", [Scenario.OFFLINE, Scenario.SERVER])
def test_a_model_that_fails_under_loadgen_ends_the_test_with_its_own_error(scenario, tmp_path, monkeypatch):
    prepared = dlrm.prepare(
        order_of(scenario, own={"TARGET_QPS": 1000.0}, min_duration_s=0.01), OpenGate(), None, tmp_path
    )
    prepared.warmed([1_000_000])

    def fail(*_: object) -> torch.Tensor:
        raise ValueError("the model broke")

    monkeypatch.setattr("pinbench.worker.loadgen.system.System._probabilities", fail)
    with pytest.raises(ValueError, match="the model broke"):
        prepared.step(None)


@needs_loadgen
def test_what_fails_in_the_thread_of_loadgen_ends_the_test_too(tmp_path, monkeypatch):
    order = order_of(Scenario.SERVER, own={"TARGET_QPS": 1000.0}, min_duration_s=0.01)
    prepared = dlrm.prepare(order, OpenGate(), None, tmp_path)
    prepared.warmed([1_000_000])

    def fail(*_: object) -> None:
        raise OSError("no room for its logs")

    monkeypatch.setattr("pinbench.worker.loadgen.test.Test._start", fail)
    with pytest.raises(OSError, match="no room for its logs"):
        prepared.step(None)


@needs_loadgen
def test_of_the_server_the_model_computes_where_it_was_warmed_up(tmp_path, monkeypatch):
    threads = set()
    original = dlrm._step

    def watched(executable):
        step = original(executable)

        def call(batch):
            threads.add(threading.current_thread())
            return step(batch)

        return call

    monkeypatch.setattr(dlrm, "_step", watched)
    own = {"TARGET_QPS": 500.0, "TARGET_LATENCY": 10_000.0}
    made_by_loadgen(order_of(Scenario.SERVER, own=own, min_duration_s=0.01), tmp_path)
    assert threads == {threading.current_thread()}


def test_without_loadgen_the_case_is_skipped_with_the_way_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HostError, match=r"SCENARIO needs mlcommons-loadgen, .*`script/env/python mlperf` installs it"):
        dlrm.prepare(order_of(Scenario.OFFLINE), OpenGate(), None, tmp_path)
