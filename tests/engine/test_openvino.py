"""OpenVINO: what it refuses, what its graph tells, and where the tables lie."""

import importlib.util

import pytest
import torch
from engine_models import setting, with_lent_tables

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.contract.result import Kernel
from pinbench.worker.engine import _needs, openvino

needs_it = pytest.mark.skipif(
    not (importlib.util.find_spec("openvino") and importlib.util.find_spec("onnx")),
    reason="no openvino here; script/env/python openvino installs it",
)


def operation(kind: str, implementation: str, precision: str) -> dict[str, str]:
    return {"layerType": kind, "primitiveType": implementation, "runtimePrecision": precision}


def test_the_products_of_the_graph_that_runs_are_counted_by_kernel_and_type():
    operations = [
        operation("Input", "unknown_i64", "i64"),
        operation("FullyConnected", "brgemm_avx2_f32", "f32"),
        operation("FullyConnected", "brgemm_avx2_f32", "f32"),
        operation("MatMul", "brgemm_avx512_bf16", "bf16"),
        operation("Gather", "jit_avx2_f32", "f32"),
    ]
    assert openvino.read_graph(operations) == (
        Kernel(primitive="matmul", implementation="brgemm_avx2_f32", types="src:f32 wei:f32", calls=2),
        Kernel(primitive="matmul", implementation="brgemm_avx512_bf16", types="src:bf16 wei:bf16", calls=1),
    )


def test_where_it_is_absent_the_case_is_skipped_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(_needs, "version_of", lambda package: None)
    with pytest.raises(HostError, match=r"ENGINE=openvino needs openvino, onnx, .*`script/env/python openvino` inst"):
        openvino.require(Precision.FP32)


def test_int8_is_refused():
    with pytest.raises(HostError, match=r"ENGINE=openvino does not compute in int8: .*; it has fp32, bfloat16"):
        openvino.require(Precision.INT8)


@needs_it
@pytest.mark.skipif(torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU has bfloat16")
def test_bfloat16_is_skipped_where_the_cpu_has_none():
    with pytest.raises(HostError, match=r"OpenVINO has no bfloat16 on this CPU \(it says: FP32.*\); pick fp32"):
        openvino.require(Precision.BFLOAT16)


@needs_it
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_tables_are_used_where_they_lie_and_the_settings_are_read_back():
    executable = with_lent_tables(openvino)
    threads = str(len(setting().cpus))
    assert executable.facts.settings["INFERENCE_PRECISION_HINT"] == "f32"
    assert executable.facts.settings["INFERENCE_NUM_THREADS"] == threads
    assert executable.facts.settings["NUM_STREAMS"] == "1"
