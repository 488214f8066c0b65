"""ONNX Runtime's CPU provider on the model as one graph: one table, one Gather.

Its products are those of MLAS, which chooses its kernels by the CPU's flags and does not say which; in fp32 it has
none for AMX (onnxruntime/core/mlas/lib/platform.cpp). What is read back is its profile of one call.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts, Kernel
from pinbench.worker.engine._needs import require_packages, require_precision, versions
from pinbench.worker.engine._own_threads import allowed_on, count_threads
from pinbench.worker.executable import Executable, Setting

NEEDS_GRAPH = True

_PACKAGES = ("onnxruntime", "onnx")
_PROVIDER = "CPUExecutionProvider"
_MULTIPLIES = ("Gemm", "MatMul")  # and what the optimiser makes of them: FusedGemm, FusedMatMul
_NAMES = {"float": "f32"}  # a type as the profile spells it, and as oneDNN does


def require(precision: Precision) -> None:
    """Check for the packages and for fp32.

    Raises:
        HostError: something is missing.
    """
    require_precision("onnxruntime", precision, (Precision.FP32,), "its CPU provider has no such matrix product")
    require_packages("onnxruntime", _PACKAGES)


def compile(  # noqa: A001 - the verb of every engine
    model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting
) -> Executable:
    """Return a session with one thread on each CPU; the output lies in memory that the next call overwrites."""
    import onnxruntime  # noqa: F401 - it starts a thread of its own, which does not compute and is not counted below

    from pinbench.worker.engine._exported import export
    from pinbench.worker.engine._onnx_graph import to_onnx

    program, lent = export(model, inputs)
    graph = to_onnx(program)
    with tempfile.TemporaryDirectory(prefix="pinbench-profile-") as profile:
        before = count_threads()
        with allowed_on(setting.cpus):
            session = _session(graph.SerializeToString(), setting.cpus, Path(profile))
        threads = 1 + count_threads() - before  # the caller computes, too
        call = _bound(session, [info.name for info in graph.graph.input], lent, torch.empty(_output_shape(graph)))
        call(*inputs)
        # Ends the profiler for good: later calls are not slowed down by it.
        kernels = read_profile(json.loads(Path(session.end_profiling()).read_text(encoding="utf-8")))
    facts = EngineFacts(
        name="onnxruntime",
        versions=versions((*_PACKAGES, "torch")),
        threads=threads,
        settings=_settings(session, setting.cpus),
    )
    return Executable(call=call, facts=facts, kernels=kernels)


def read_profile(events: Iterable[Mapping[str, Any]]) -> tuple[Kernel, ...]:
    """Return the matrix products among the `events` of a profile (ONNX Runtime, "Profiling Tools")."""
    calls: Counter[tuple[str, str]] = Counter()
    for event in events:
        arguments = event.get("args", {})
        operator = arguments.get("op_name", "")
        if event["name"].endswith("_kernel_time") and operator.endswith(_MULTIPLIES):
            types = [next(iter(shape)) for shape in arguments["input_type_shape"][:2]]
            source, weight = (_NAMES.get(name, name) for name in types)
            calls[f"{arguments['provider']}:{operator}", f"src:{source} wei:{weight}"] += 1
    return tuple(
        Kernel(primitive="matmul", implementation=implementation, types=types, calls=count)
        for (implementation, types), count in calls.items()
    )


def _settings(session: Any, cpus: tuple[int, ...]) -> dict[str, str]:
    options = session.get_session_options()
    entries = ("session.intra_op.allow_spinning", "session.intra_op_thread_affinities") if len(cpus) > 1 else ()
    return {
        "providers": " ".join(session.get_providers()),
        "intra_op_num_threads": str(options.intra_op_num_threads),
        **{name: options.get_session_config_entry(name) for name in entries},
    }


def _session(graph: bytes, cpus: tuple[int, ...], profile: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = len(cpus)
    options.inter_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(profile / "profile")
    # The CPUs are the instance's own: a thread that waits takes them from nobody.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    if len(cpus) > 1:
        # Of all threads but the caller; processors count from 1 (onnxruntime_session_options_config_keys.h).
        affinities = ";".join(str(cpu + 1) for cpu in cpus[1:])
        options.add_session_config_entry("session.intra_op_thread_affinities", affinities)
    return onnxruntime.InferenceSession(graph, options, providers=[_PROVIDER])


def _bound(session: Any, names: Sequence[str], lent: Sequence[Tensor], output_B: Tensor) -> Callable[..., Tensor]:
    """Return the call; tables and output are bound once: to hand over a table at each call costs 15 us."""
    from onnxruntime import OrtValue

    binding = session.io_binding()
    for name, table in zip(names, lent, strict=False):
        binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(table.numpy()))
    (output,) = (value.name for value in session.get_outputs())
    binding.bind_ortvalue_output(output, OrtValue.ortvalue_from_numpy(output_B.numpy()))
    given_names = names[len(lent) :]
    bind, run = binding.bind_cpu_input, session.run_with_iobinding

    def call(*given: Tensor) -> Tensor:
        for name, value in zip(given_names, given, strict=True):
            bind(name, value.numpy())
        run(binding)
        return output_B

    return call


def _output_shape(graph: Any) -> list[int]:
    return [dimension.dim_value for dimension in graph.graph.output[0].type.tensor_type.shape.dim]
