"""ONNX Runtime: what it refuses, what its profile tells, and where the tables lie."""

import importlib.util

import pytest
from engine_models import setting, with_lent_tables

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.contract.result import Kernel
from pinbench.worker.engine import _needs, onnxruntime

needs_it = pytest.mark.skipif(
    not (importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnx")),
    reason="no onnxruntime here; script/env/python onnxruntime installs it",
)


def node(name: str, operator: str, *types: str) -> dict[str, object]:
    """An event of a profile, as ONNX Runtime 1.32 writes it."""
    shapes = [{kind: [9, 16]} for kind in types]
    arguments = {"op_name": operator, "provider": "CPUExecutionProvider", "input_type_shape": shapes}
    return {"cat": "Node", "name": name, "args": arguments}


def test_the_products_of_a_profile_are_counted_by_operator_and_types():
    events = [
        {"cat": "Session", "name": "model_run", "args": {}},
        node("linear_fence_before", "Gemm"),
        node("linear_kernel_time", "FusedGemm", "float", "float", "float"),
        node("linear_1_kernel_time", "FusedGemm", "float", "float", "float"),
        node("bmm_kernel_time", "FusedMatMul", "float", "float"),
        node("embedding_kernel_time", "Gather", "float", "int64"),
    ]
    assert onnxruntime.read_profile(events) == (
        Kernel(
            primitive="matmul", implementation="CPUExecutionProvider:FusedGemm", types="src:f32 wei:f32", calls=2
        ),
        Kernel(
            primitive="matmul", implementation="CPUExecutionProvider:FusedMatMul", types="src:f32 wei:f32", calls=1
        ),
    )  # fmt: skip


def test_where_it_is_absent_the_case_is_skipped_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(_needs, "version_of", lambda package: None)
    with pytest.raises(HostError, match=r"ENGINE=onnxruntime needs onnxruntime, onnx, .*`script/env/python onnxrunt"):
        onnxruntime.require(Precision.FP32)


def test_bfloat16_is_refused_before_anything_else():
    with pytest.raises(HostError, match=r"does not compute in bfloat16: its CPU provider has no such.*; it has fp32"):
        onnxruntime.require(Precision.BFLOAT16)


@needs_it
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_tables_are_used_where_they_lie():
    executable = with_lent_tables(onnxruntime)
    assert executable.facts.settings["providers"] == "CPUExecutionProvider"
    assert executable.facts.settings["intra_op_num_threads"] == str(len(setting().cpus))
