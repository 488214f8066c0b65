"""The recipe on a small model: what it hands to the loop, and what it refuses before it allocates."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cpu_marks import needs_bfloat16
from open_gate import OpenGate
from recipe_cases import TINY, order_of

from pinbench.base.errors import HostError, ModelError, UsageError
from pinbench.base.plugin import load_plugin
from pinbench.base.units import round_up
from pinbench.contract.case import Case, DataType, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.contract.gate import Barrier
from pinbench.contract.plan import WeightSource
from pinbench.worker import precision as precisions
from pinbench.worker.engine import _needs, pinned
from pinbench.worker.packed_weights import HEAD_BYTES
from pinbench.worker.recipes import dlrm
from pinbench.worker.recipes._dlrm_parts import sizes_of
from pinbench.worker.weights import HUGE_PAGE_BYTES

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
CRITEO = Path(__file__).parents[1] / "data" / "criteo" / "loader"
SMALL: dict[str, Scalar] = {
    **TINY,
    "INDEX_ALPHA": 1.05,
}
# 13-32-24-16 and 367-64-48-32-24-1, weights and biases, in fp32 as drawn, in the model, and packed twice
SMALL_MLP_BYTES = 4 * 4 * (1_640 + 29_057)
# 32,768 rows of 26 features while batches are made of them: 160 bytes each as drawn, 264 converted, 264 in batches
SMALL_BATCH_BYTES = 32_768 * 688


def case_of(precision: Precision = Precision.FP32, own: dict[str, Scalar] | None = None, **knobs: object) -> Case:
    chosen = {"batch_size": 8, "warmup_steps": 1, "steps": 2, "min_duration_s": 0.0, "own": SMALL | (own or {})}
    return Case(
        workload="DLRM-PyTorch-Xeon-Public",
        name="dlrm",
        recipe="dlrm",
        function=Function.INFERENCE,
        mode=Mode.THROUGHPUT,
        isa=Isa.AVX,
        precision=precision,
        variant=Variant.GATED,
        knobs=Knobs(**(chosen | knobs)),
    )


def knobs_with(case: Case, table_sizes: str) -> Knobs:
    return replace(case.knobs, own={**case.knobs.own, "ARCH_EMBEDDING_SIZE": table_sizes})


@pytest.mark.parametrize("precision", [Precision.FP32, pytest.param(Precision.BFLOAT16, marks=needs_bfloat16)])
def test_the_step_computes_and_the_check_finds_it_close_to_fp32_eager(precision):
    gate = OpenGate()
    prepared = dlrm.prepare(order_of(case_of(precision)), gate, None)
    probability_B = prepared.step(prepared.batches[0])
    assert probability_B.shape == (8,)
    assert prepared.check().max_logit_error <= prepared.check().tolerance
    assert gate.passed == [Barrier.WEIGHTS]
    assert prepared.model.table_rows == 26 * 400
    assert prepared.model.table_dtype == {"fp32": "float32", "bfloat16": "bfloat16"}[precision]
    assert prepared.model.origin == "seed 0"


@pytest.mark.parametrize("engine", ["eager", "pinned"])
def test_the_record_says_which_engine_ran_and_which_kernels(engine):
    prepared = dlrm.prepare(order_of(case_of(engine=engine)), OpenGate(), None)
    if prepared.engine.fallback is not None:
        pytest.skip(prepared.engine.fallback)
    assert prepared.engine.name == engine
    assert (prepared.engine.isa is not None) == (engine == "pinned")
    primitives = {kernel.primitive for kernel in prepared.probe().kernels}
    assert ("lookup_dots" in primitives) == (engine == "pinned")
    assert primitives & {"matmul", "inner_product", "chain"}
    assert prepared.check().max_logit_error <= prepared.check().tolerance


def test_the_limit_that_the_plan_sets_for_onednn_holds_for_our_kernels_too():
    limited = replace(order_of(case_of(engine="pinned")), env={"ONEDNN_MAX_CPU_ISA": "SSE41"})
    prepared = dlrm.prepare(limited, OpenGate(), None)
    if prepared.engine.fallback is not None:
        pytest.skip(prepared.engine.fallback)
    assert prepared.engine.isa == "generic"


def test_the_engine_that_ran_is_told():
    prepared = dlrm.prepare(order_of(case_of(engine="eager")), OpenGate(), None)
    assert prepared.engine.name == "eager"
    assert prepared.engine.versions == {"torch": torch.__version__}
    assert prepared.threads == prepared.engine.threads == torch.get_num_threads()


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "ipex"])
def test_an_engine_that_is_absent_skips_the_case_before_weights_are_made(monkeypatch, engine):
    monkeypatch.setattr(_needs, "version_of", lambda package: None)
    gate = OpenGate()
    with pytest.raises(HostError, match=f"^ENGINE={engine} needs .*`script/env/python {engine}` installs") as refusal:
        dlrm.prepare(order_of(case_of(engine=engine)), gate, None)
    assert refusal.value.exit_code == 77
    assert (gate.phases, gate.passed) == ([], [])


def test_the_same_seed_gives_the_same_outputs_and_another_shard_other_rows():
    first, again = (dlrm.prepare(order_of(case_of()), OpenGate(), None) for _ in range(2))
    assert torch.equal(first.step(first.batches[0]), again.step(again.batches[0]))
    other = dlrm.prepare(replace(order_of(case_of()), shard=1, shards=2), OpenGate(), None)
    assert not torch.equal(first.batches[0].sparse_BF, other.batches[0].sparse_BF)


def test_two_instances_compute_on_one_copy_of_the_tables():
    fd = os.memfd_create("test-tables")
    try:
        builder = dlrm.prepare(order_of(case_of(), WeightSource.BUILD), OpenGate(), fd)
        mapper = dlrm.prepare(order_of(case_of(), WeightSource.MAP), OpenGate(), fd)
        assert torch.equal(builder.step(builder.batches[0]), mapper.step(mapper.batches[0]))
        assert os.fstat(fd).st_size >= 26 * 400 * 16 * 4
        os.pwrite(fd, bytes(26 * 400 * 16 * 4), 0)  # the memory that both map
        with pytest.raises(ModelError, match="does not hold the rows of its origin"):
            mapper.check()
    finally:
        os.close(fd)


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.INT8])
def test_two_instances_read_one_copy_of_the_packed_weights(monkeypatch, precision):
    monkeypatch.setattr(pinned, "best_seconds", lambda calls: {name: float(name != "chain") for name in calls})
    case = case_of(precision, engine="pinned")
    fd = os.memfd_create("test-tables")
    try:
        first = dlrm.prepare(order_of(case, WeightSource.BUILD), OpenGate(), fd)
        if first.engine.fallback is not None:
            pytest.skip(first.engine.fallback)
        second = dlrm.prepare(order_of(case, WeightSource.MAP), OpenGate(), fd)
        assert first.engine.packed.made_here
        assert second.engine.packed == replace(first.engine.packed, made_here=False)
        assert second.engine.packed.mapping == "r--s /memfd:test-tables"
        alone = dlrm.prepare(order_of(case), OpenGate(), None)
        assert alone.engine.packed is None
        outputs = [prepared.step(prepared.batches[0]).clone() for prepared in (first, second, alone)]
        assert torch.equal(outputs[0], outputs[1])
        assert torch.equal(outputs[0], outputs[2])
        itemsize = load_plugin(precisions, precision).TABLE_DTYPE.itemsize
        begin = round_up(26 * 400 * 16 * itemsize, HUGE_PAGE_BYTES) + HEAD_BYTES
        os.pwrite(fd, bytes(first.engine.packed.size_bytes), begin)
        assert not torch.equal(second.step(second.batches[0]), outputs[0])  # both read what lies there now
        assert torch.equal(first.step(first.batches[0]), second.step(second.batches[0]))
    finally:
        os.close(fd)


def test_outputs_that_are_not_those_of_the_model_have_no_quality():
    prepared = dlrm.prepare(order_of(case_of()), OpenGate(), None)
    model = prepared.step.__closure__[0].cell_contents
    bias_O = model.over_arch.layers[-1].bias_O
    bias_O += 1.0
    with pytest.raises(ModelError, match="differ from fp32 eager by 1 in the logit"):
        prepared.check()
    bias_O.fill_(float("nan"))
    with pytest.raises(ModelError, match="differ from fp32 eager by nan"):
        prepared.check()


def test_tables_that_do_not_fit_are_refused_with_both_figures():
    budget_bytes = SMALL_MLP_BYTES + SMALL_BATCH_BYTES + (100 << 10)
    with pytest.raises(
        ModelError, match=r"MAX_IND_RANGE=400 take 650\.0 KiB, .* may take 100\.0 KiB .* MAX_IND_RANGE to 61 or"
    ):
        dlrm.prepare(order_of(case_of(), budget_bytes=budget_bytes), OpenGate(), None)


@pytest.mark.parametrize("own", [{"ARCH_MLP_TOP": "200000-200000-1"}, {"ARCH_MLP_BOT": "13-90000-90000-16"}])
def test_mlps_that_do_not_fit_are_refused_with_both_figures_before_they_are_drawn(own):
    gate = OpenGate()
    with pytest.raises(ModelError, match=r"the MLPs of .* take \d+\.\d GiB, this instance may take 1\.0 GiB"):
        dlrm.prepare(order_of(case_of(own=own)), gate, None)
    assert gate.phases == []


def test_batches_that_do_not_fit_are_refused_with_both_figures_before_anything_is_made():
    gate = OpenGate()
    # 2**20 rows: 264 bytes in each of 4 batches and in the copy that the check makes, and in a step the 367 features,
    # the 16 numbers that the bottom MLP gave, and two layers of 112
    with pytest.raises(
        ModelError, match=r"of BATCH_SIZE=1048576 take 3\.2 GiB, this instance may take 2\.0 GiB; set BATCH_SIZE lower"
    ):
        dlrm.prepare(order_of(case_of(batch_size=1 << 20), budget_bytes=SMALL_MLP_BYTES + (2 << 30)), gate, None)
    assert gate.phases == []


def test_instances_that_share_tables_pay_for_their_batches_each():
    budget_bytes = SMALL_MLP_BYTES + 4 * SMALL_BATCH_BYTES
    alone = order_of(case_of(), WeightSource.BUILD, budget_bytes)
    with pytest.raises(ModelError, match=r"BATCH_SIZE=8 take 21\.5 MiB, this instance may take 17\.2 MiB; .*run fewer"):
        dlrm.prepare(replace(alone, weight_users=5), OpenGate(), None)
    assert dlrm.prepare(replace(alone, weights=WeightSource.PRIVATE), OpenGate(), None).batch_size == 8


def test_what_is_read_ahead_counts_among_the_batches():
    case = end_to_end(batch_size=16_384)
    config, _ = sizes_of(order_of(case), None, torch.float32, lambda _: 1 << 30)
    blocks_bytes = 4 * 16_384 * 264  # two to read, two more to take from
    assert dlrm._batch_bytes(case, config, 4) >= 2 * blocks_bytes  # read ahead, and ready for probe and check


def test_a_bottom_mlp_for_other_dense_features_than_criteos_is_refused():
    with pytest.raises(UsageError, match="ARCH_MLP_BOT=512-512-16 begins with 512, but must begin with 13"):
        dlrm.prepare(order_of(case_of(own={"ARCH_MLP_BOT": "512-512-16"})), OpenGate(), None)


def test_without_a_cap_the_memory_chooses_one():
    own = {name: value for name, value in SMALL.items() if name != "MAX_IND_RANGE"}
    own["ARCH_EMBEDDING_SIZE"] = "-".join(["40000000"] + ["10"] * 25)
    case = replace(case_of(), knobs=replace(case_of().knobs, own=own))
    budget_bytes = SMALL_MLP_BYTES + SMALL_BATCH_BYTES + 10_000 * 64 + 25 * 640
    prepared = dlrm.prepare(order_of(case, budget_bytes=budget_bytes), OpenGate(), None)
    assert prepared.model.max_ind_range == 10_000
    assert int(prepared.batches[0].sparse_BF[:, 0].max()) < 10_000


def test_a_checkpoint_is_what_runs_and_real_rows_are_what_it_runs_on():
    case = case_of(
        own={"CHECKPOINT": str(GOLDEN / "tiny_tb00.pt")},
        data_type=DataType.REAL,
        dataset_dir=str(CRITEO),
        batch_size=256,
    )
    prepared = dlrm.prepare(order_of(case), OpenGate(), None)
    with np.load(GOLDEN / "tiny_infer.npz") as infer:
        expected_B = torch.from_numpy(infer["prob"]).squeeze(1)
    assert torch.allclose(prepared.step(prepared.batches[0]), expected_B, rtol=0, atol=1e-6)
    assert prepared.model.origin.endswith("tiny_tb00.pt")
    assert prepared.data.name == "criteo test"


def test_table_sizes_that_contradict_the_data_set_are_refused_when_the_user_gave_them():
    real = case_of(data_type=DataType.REAL, dataset_dir=str(CRITEO))
    asked = replace(real, overrides=("ARCH_EMBEDDING_SIZE",))
    with pytest.raises(UsageError, match=r"ARCH_EMBEDDING_SIZE contradicts DATASET_DIR=.*; leave it out"):
        dlrm.prepare(order_of(replace(asked, knobs=knobs_with(asked, "7-7"))), OpenGate(), None)
    with np.load(CRITEO / "day_fea_count.npz") as counts:
        rows = "-".join(map(str, counts["counts"]))
    assert dlrm.prepare(order_of(replace(asked, knobs=knobs_with(asked, rows))), OpenGate(), None).data is not None
    assert dlrm.prepare(order_of(replace(real, knobs=knobs_with(real, "7-7"))), OpenGate(), None).data is not None


def end_to_end(**knobs: object) -> Case:
    chosen = {"data_type": DataType.REAL, "dataset_dir": str(CRITEO), "batch_size": 48}
    return case_of(own={"DATA_LOADING": "end_to_end", "DATA_THREADS": 2}, **(chosen | knobs))


def test_end_to_end_each_step_gets_its_own_batch_and_computes_what_a_ready_one_gives():
    ready = dlrm.prepare(order_of(replace(end_to_end(), knobs=ready_knobs())), OpenGate(), None)
    prepared = dlrm.prepare(order_of(end_to_end()), OpenGate(), None)
    try:
        assert prepared.batches == (None,)
        for batch in ready.batches[:9]:  # of 48 rows each: the 256 rows are over in the sixth
            assert torch.equal(prepared.step(None), ready.step(batch))
        flow = prepared.flow()
        assert (flow.rows, flow.threads) == (9 * 48, 2)
        assert flow.read_bytes == 9 * 48 * 160
        assert prepared.data.rows == 256
        assert "read by each step in batches of 48" in prepared.data.detail
        assert prepared.check().samples == 64
        assert prepared.probe() is not None
        assert prepared.flow().rows == 9 * 48  # neither takes from the stream
    finally:
        prepared.close()
    assert ready.flow() is None
    assert not any(thread.name.startswith("prefetch") for thread in threading.enumerate())


def ready_knobs() -> Knobs:
    knobs = end_to_end().knobs
    return replace(knobs, own={name: value for name, value in knobs.own.items() if not name.startswith("DATA_")})


def test_end_to_end_needs_a_data_set():
    with pytest.raises(UsageError, match="DATA_LOADING=end_to_end reads a data set; set DATA_TYPE=real"):
        dlrm.prepare(order_of(end_to_end(data_type=DataType.SYNTHETIC)), OpenGate(), None)
