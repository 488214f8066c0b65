"""The recipe of the multi-hot DLRM on small tables: what it hands to the loop, what it reads back and refuses."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cpu_marks import needs_bfloat16
from open_gate import OpenGate
from recipe_cases import order_of

from pinbench.base.errors import ModelError, UsageError
from pinbench.contract.case import Case, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.contract.gate import Barrier
from pinbench.contract.plan import WeightSource
from pinbench.contract.result import Kernel
from pinbench.worker.recipes import _dlrm_v2_check, dlrm_v2

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "wsf_r1000_b16.npz"


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr(dlrm_v2, "_DISTINCT_SAMPLES", 64)


def case_of(precision: Precision = Precision.FP32, own: dict[str, Scalar] | None = None, **knobs: object) -> Case:
    chosen = {"batch_size": 16, "warmup_steps": 1, "steps": 2, "min_duration_s": 0.0, "seed": 727}
    sizes: dict[str, Scalar] = {"TABLE_ROWS": 1000, "TORCH_MKLDNN_MATMUL_MIN_DIM": 1024}
    return Case(
        workload="DLRMv2-PyTorch-ARM",
        name="dlrmv2_pytorch_arm_throughput_gated",
        recipe="dlrm_v2",
        function=Function.INFERENCE,
        mode=Mode.THROUGHPUT,
        isa=Isa.ANY,
        precision=precision,
        variant=Variant.GATED,
        knobs=Knobs(**(chosen | {"own": sizes | (own or {})} | knobs)),
    )


def prepared(*arguments, **changes):
    return dlrm_v2.prepare(order_of(case_of(*arguments, **changes)), OpenGate(), None)


@pytest.mark.parametrize("engine", ["eager", "pinned"])
def test_the_first_steps_give_the_reference_s_probabilities(engine):
    ready = prepared(engine=engine)
    with np.load(GOLDEN) as golden:
        for number in range(2):
            probability_B = ready.step(ready.batches[number]).numpy()
            assert np.abs(probability_B - golden[f"b{number}_prob"].squeeze(1)).max() <= 3e-7
    assert ready.check().samples == 64
    assert ready.check().max_logit_error <= 2e-6
    assert ready.model.origin == "numpy.random.seed(727)"
    assert ready.model.table_rows == 8000
    assert ready.data.rows == 64


@needs_bfloat16
@pytest.mark.parametrize("engine", ["eager", "pinned"])
def test_bfloat16_is_checked_against_fp32(engine):
    ready = prepared(Precision.BFLOAT16, engine=engine)
    assert ready.model.table_dtype == "bfloat16"
    assert 1e-6 < ready.check().max_logit_error <= ready.check().tolerance
    assert any("src:bf16 wei:bf16" in kernel.types for kernel in ready.probe().kernels)


def test_a_batch_of_one_is_checked_on_as_many_samples():
    assert prepared(batch_size=1).check().samples == 64


def test_the_sizes_are_those_of_the_definition():
    config = dlrm_v2.model_config(1_000_000)
    assert config.bottom == (512, 512, 64)
    assert config.over == (100, 1024, 1024, 1024, 1)
    assert config.table_rows == (1_000_000,) * 8
    assert config.embedding_dim == 64
    assert config.table_bytes(4) == 2_048_000_000
    assert round(config.flops_per_sample / 1e6, 2) == 5.0


@pytest.mark.parametrize(
    ("threshold", "batch_size", "layers"),
    [(1024, 16, 0), (64, 100, 4), (63, 100, 5), (16, 16, 0), (15, 16, 5), (0, 16, 6)],
)
def test_the_threshold_decides_which_layers_onednn_computes_and_its_log_shows_it(threshold, batch_size, layers):
    ready = prepared(own={"TORCH_MKLDNN_MATMUL_MIN_DIM": threshold}, engine="eager", batch_size=batch_size)
    assert ready.engine.settings == {"onednn_min_dim": str(threshold), "onednn_layers": f"{layers} of 6"}
    calls = sum(kernel.calls for kernel in ready.probe().kernels if kernel.primitive in ("matmul", "inner_product"))
    assert calls == layers
    assert ready.check().max_logit_error <= 2e-6


def test_layers_that_onednn_was_given_and_did_not_compute_fail_the_run(monkeypatch):
    ready = prepared(own={"TORCH_MKLDNN_MATMUL_MIN_DIM": 0}, engine="eager")
    read = ready.probe()
    fewer = tuple(replace(kernel, calls=kernel.calls - 1) for kernel in read.kernels)
    monkeypatch.setattr(dlrm_v2, "probe", lambda *_: replace(read, kernels=fewer))
    with pytest.raises(ModelError, match="TORCH_MKLDNN_MATMUL_MIN_DIM gives 6 layers to oneDNN, whose log shows 5"):
        ready.probe()


def test_the_fpmath_mode_is_on_for_bf16_alone_and_read_back():
    low = prepared(Precision.BFLOAT32, own={"TORCH_MKLDNN_MATMUL_MIN_DIM": 0}, engine="eager")
    assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"
    assert low.probe().kernels
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    with pytest.raises(ModelError, match="bfloat32 was asked for, and oneDNN's fpmath mode says otherwise"):
        low.probe()
    full = prepared(engine="eager")
    full.probe()
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    with pytest.raises(ModelError, match="fp32 was asked for, and oneDNN's fpmath mode says otherwise"):
        full.probe()


def test_a_threshold_that_leaves_nothing_to_bf16_is_refused_before_anything_is_made():
    gate = OpenGate()
    case = case_of(Precision.BFLOAT32, engine="eager", batch_size=2048)
    with pytest.raises(UsageError, match=r"MIN_DIM=1024 leaves all layers .* BATCH_SIZE=2048.* below 1024, or take"):
        dlrm_v2.prepare(order_of(case), gate, None)
    assert gate.phases == []


def test_two_instances_compute_on_one_copy_of_the_tables_and_on_samples_of_their_own():
    fd = os.memfd_create("test-tables")
    try:
        builder = dlrm_v2.prepare(order_of(case_of(), WeightSource.BUILD), OpenGate(), fd)
        gate = OpenGate()
        mapper = dlrm_v2.prepare(replace(order_of(case_of(), WeightSource.MAP), shard=1), gate, fd)
        assert gate.passed == [Barrier.WEIGHTS]
        batch = builder.batches[0]
        assert torch.equal(builder.step(batch), mapper.step(batch))
        assert not torch.equal(batch.dense_BI, mapper.batches[0].dense_BI)
        os.pwrite(fd, b"\1", 4 * 64 * 4001)  # a byte of table 4
        with pytest.raises(ModelError, match=r"table 4 does not hold the rows .* that its origin gives"):
            mapper.check()
    finally:
        os.close(fd)


@pytest.mark.parametrize("wrong", [1.0, float("nan")])
def test_outputs_that_are_not_those_of_the_model_have_no_quality(wrong):
    ready = prepared(engine="eager", own={"TORCH_MKLDNN_MATMUL_MIN_DIM": 0})
    check, step = ready.check, ready.step
    bias_O = step.__closure__[0].cell_contents.over_arch.layers[-1].bias_O
    bias_O += wrong
    with pytest.raises(ModelError, match=r"differ from fp32 eager by 1 in the logit|of the first batch is not finite"):
        check()


def test_the_check_sees_a_row_that_is_looked_up_in_the_wrong_place(monkeypatch):
    ready = prepared(engine="eager")
    original = _dlrm_v2_check._samples

    def shifted(*arguments):
        batch, rows_BFD = original(*arguments)
        return replace(batch, row_N=(batch.row_N + 1) % 8000), rows_BFD

    monkeypatch.setattr(_dlrm_v2_check, "_samples", shifted)
    with pytest.raises(ModelError, match="differ from fp32 eager"):
        ready.check()


def test_what_does_not_fit_is_refused_with_the_figures_and_a_size_that_does():
    gate = OpenGate()
    with pytest.raises(ModelError, match=r"TABLE_ROWS=1000000 take 1\.9 GiB .* may take 1\.0 GiB; set TABLE_ROWS"):
        dlrm_v2.prepare(order_of(case_of(own={"TABLE_ROWS": 1_000_000})), gate, None)
    assert gate.phases == []
    with pytest.raises(ModelError, match=r"BATCH_SIZE=1000000 .* set BATCH_SIZE lower, free memory"):
        dlrm_v2.prepare(order_of(case_of(batch_size=1_000_000)), gate, None)


def test_the_size_that_is_offered_fits():
    case = case_of(own={"TABLE_ROWS": 50_000})
    order = order_of(case, budget_bytes=100 << 20)
    with pytest.raises(ModelError) as refusal:
        dlrm_v2.prepare(order, OpenGate(), None)
    rows = int(str(refusal.value).partition("TABLE_ROWS to ")[2].split()[0])
    config = dlrm_v2.model_config(rows)
    dlrm_v2._require_memory(order, config, 4)
    with pytest.raises(ModelError):
        dlrm_v2._require_memory(order, dlrm_v2.model_config(rows + 1), 4)


def test_the_kernels_of_the_default_engine_are_told():
    ready = prepared(engine="pinned")
    if ready.engine.fallback is not None:
        pytest.skip(ready.engine.fallback)
    kernels: tuple[Kernel, ...] = ready.probe().kernels
    assert kernels[-1].implementation.startswith("pinbench:")
    assert all("bf16" not in kernel.types for kernel in kernels)
