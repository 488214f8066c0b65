"""OpenVINO's CPU plugin on the model as one graph.

It carries a oneDNN of its own; which kernels it took is read from the graph that it really runs. The graph comes in
as ONNX: OpenVINO's converter of PyTorch models would report its use over the network (openvino-telemetry).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pinbench.base.errors import HostError, ModelError
from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts, Kernel
from pinbench.worker.engine._needs import require_packages, require_precision, versions
from pinbench.worker.engine._own_threads import allowed_on
from pinbench.worker.executable import Executable, Setting

NEEDS_GRAPH = True

_PACKAGES = ("openvino", "onnx")
_TYPES = {Precision.FP32: "f32", Precision.BFLOAT16: "bf16"}
# Names as `get_property` knows them: OpenVINO, "CPU Device", "Supported Properties".
_READ_BACK = ("INFERENCE_PRECISION_HINT", "INFERENCE_NUM_THREADS", "NUM_STREAMS", "ENABLE_CPU_PINNING")
_MULTIPLIES = ("FullyConnected", "MatMul")


def require(precision: Precision) -> None:
    """Check for the packages, and for a CPU that multiplies in `precision`.

    Raises:
        HostError: something is missing.
    """
    require_precision("openvino", precision, tuple(_TYPES), "the suite has no quantised graph for it")
    require_packages("openvino", _PACKAGES)
    if precision is Precision.BFLOAT16:
        import openvino

        able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if "BF16" not in able:
            raise HostError(f"OpenVINO has no bfloat16 on this CPU (it says: {', '.join(able)}); pick fp32")


def compile(  # noqa: A001 - the verb of every engine
    model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting
) -> Executable:
    """Return a compiled model with one thread on each CPU; the next call overwrites the output.

    Raises:
        ModelError: OpenVINO chose another precision or number of threads than it was told.
    """
    import openvino

    from pinbench.worker.engine._exported import export
    from pinbench.worker.engine._onnx_graph import to_onnx

    program, lent = export(model, inputs)
    graph = to_onnx(program).SerializeToString()
    with allowed_on(setting.cpus):
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(graph), "CPU", _configuration(setting))
        request = compiled.create_infer_request()
        for position, table in enumerate(lent):
            request.set_input_tensor(position, _shared(table))
        call = _call(request, len(lent))
        call(*inputs)  # its threads are made here, with the mask that they are to have
    settings = {name: _text(compiled.get_property(name)) for name in _READ_BACK}
    _require_as_told(settings, setting)
    facts = EngineFacts(
        name="openvino",
        versions=versions((*_PACKAGES, "torch")),
        threads=int(settings["INFERENCE_NUM_THREADS"]),
        settings=settings,
    )
    kernels = read_graph(operation.get_rt_info() for operation in compiled.get_runtime_model().get_ops())
    return Executable(call=call, facts=facts, kernels=kernels)


def read_graph(operations: Iterable[Mapping[str, Any]]) -> tuple[Kernel, ...]:
    """Return the matrix products of the graph that runs, from the run-time information of its operations."""
    calls: Counter[tuple[str, str]] = Counter()
    for operation in operations:
        if _text(operation["layerType"]) in _MULTIPLIES:
            precision = _text(operation["runtimePrecision"])
            calls[_text(operation["primitiveType"]), f"src:{precision} wei:{precision}"] += 1
    return tuple(
        Kernel(primitive="matmul", implementation=implementation, types=types, calls=count)
        for (implementation, types), count in calls.items()
    )


def _configuration(setting: Setting) -> dict[str, Any]:
    return {
        # Without it the plugin takes bfloat16 for an fp32 model wherever the CPU has it.
        "INFERENCE_PRECISION_HINT": _TYPES[setting.precision],
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": len(setting.cpus),
        "ENABLE_CPU_PINNING": True,
    }


def _require_as_told(settings: Mapping[str, str], setting: Setting) -> None:
    told = {"INFERENCE_PRECISION_HINT": _TYPES[setting.precision], "INFERENCE_NUM_THREADS": str(len(setting.cpus))}
    for name, value in told.items():
        if settings[name] != value:
            raise ModelError(f"OpenVINO was told {name}={value} and took {settings[name]}")


def _call(request: Any, first: int) -> Callable[..., Tensor]:
    def call(*given: Tensor) -> Tensor:
        for position, value in enumerate(given, first):
            request.set_input_tensor(position, _shared(value))
        request.infer()
        return torch.from_numpy(request.get_output_tensor(0).data)

    return call


def _shared(value: Tensor) -> Any:
    """Return an OpenVINO tensor on the memory of `value`."""
    import openvino

    if value.dtype is torch.bfloat16:  # which numpy has not
        bits = value.view(torch.uint16).numpy()
        return openvino.Tensor(bits, openvino.Shape(list(value.shape)), openvino.Type.bf16)
    return openvino.Tensor(value.numpy(), shared_memory=True)


def _text(value: Any) -> str:
    """Return a property as its documentation writes it: element types print as ``<Type: 'float32'>``."""
    text = str(value.astype(str)) if hasattr(value, "astype") else str(value)
    match = re.fullmatch(r"<Type: '(\w+)'>", text)
    return {"float32": "f32", "bfloat16": "bf16"}.get(match[1], match[1]) if match else text
