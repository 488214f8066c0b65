"""The ISA and precision of a case's label against what oneDNN, or the engine itself, says that was executed.

Names of implementations and data types: oneDNN Developer Guide, "Verbose Mode" and "Data Types"; e.g.
``brg_matmul:avx512_core_bf16`` with ``src:bf16 wei:bf16 dst:bf16``. AMX implementations hold ``amx``
(``brg_matmul:avx512_core_amx``).
"""

import re
from collections.abc import Callable

from pinbench.base.errors import KpiError
from pinbench.contract.case import Case, Isa, Precision
from pinbench.contract.result import InstanceResult, Kernel
from pinbench.harness.kpi.measurement import Measurement

# Primitives that multiply; reorders and element-wise ones change formats on their way and say nothing of a label.
_MULTIPLIES = {"matmul", "inner_product", "convolution", "deconvolution", "rnn", "chain"}  # the last one is ours
_OPERAND = re.compile(r"\b(src|wei)[:_]([a-z]+[0-9]+)")
_INT8 = {"s8", "u8"}
_FPMATH_BFLOAT16 = "fpmath:bf16"  # as oneDNN's log writes the attribute, and `worker.onednn.verbose` keeps it


def require(run: Measurement) -> None:
    """Refuse a run whose label reality contradicts.

    Raises:
        KpiError: says the label and what ran instead. An instance without a model (a dummy) claims nothing and
            passes.
    """
    for result in run.results:
        if result.model is not None or result.isa is not None:
            _require(result, run.case, run.plan.emulation is not None)


def _require(result: InstanceResult, case: Case, is_emulated: bool) -> None:
    who = f"instance {result.index}"
    kernels = () if result.isa is None else result.isa.kernels
    multiplying = [kernel for kernel in kernels if kernel.primitive in _MULTIPLIES]
    if not multiplying and case.isa is Isa.ANY and case.precision is Precision.FP32:
        return  # left to PyTorch's BLAS, which nothing tells of and which knows no other type for fp32 tensors
    if not multiplying:
        raise KpiError(f"the label {case.label} is unproven: {who} executed no matrix multiplication that is told of")
    amx = [kernel for kernel in multiplying if "amx" in kernel.implementation]
    if case.isa is Isa.AMX and not amx and not is_emulated:
        raise KpiError(f"{case.label} needs AMX, but {who} multiplied with {_named(multiplying)}")
    if case.isa is Isa.AVX and amx:
        raise KpiError(f"{case.label} excludes AMX, but {who} multiplied with {_named(amx)}")
    if not is_emulated:  # oneDNN imitates a data type by others, as it likes
        _require_types(who, case, multiplying)


def _require_types(who: str, case: Case, kernels: list[Kernel]) -> None:
    holds = _HOLDS[case.precision]
    calls = sum(kernel.calls for kernel in kernels)
    if case.precision is Precision.FP32:
        wrong = [kernel for kernel in kernels if not holds(kernel)]
    else:
        # A model in a low precision may keep a sensitive layer in another; most of its work may not.
        right = sum(kernel.calls for kernel in kernels if holds(kernel))
        wrong = [kernel for kernel in kernels if not holds(kernel)] if 2 * right <= calls else []
    if wrong:
        raise KpiError(f"{case.label} says {case.precision}, but {who} multiplied with {_named(wrong)}")


def _operands(kernel: Kernel) -> dict[str, str]:
    return dict(_OPERAND.findall(kernel.types))


def _is_fp32(kernel: Kernel) -> bool:
    return _operands(kernel) == {"src": "f32", "wei": "f32"} and not _reduces(kernel)


def _is_fp16(kernel: Kernel) -> bool:
    return _operands(kernel) == {"src": "f16", "wei": "f16"}


def _is_bfloat16(kernel: Kernel) -> bool:
    return _operands(kernel) == {"src": "bf16", "wei": "bf16"}


def _is_bfloat32(kernel: Kernel) -> bool:
    return _operands(kernel) == {"src": "f32", "wei": "f32"} and _reduces(kernel)


def _is_int8(kernel: Kernel) -> bool:
    operands = _operands(kernel)
    return operands.get("src") in _INT8 and operands.get("wei") in _INT8


def _reduces(kernel: Kernel) -> bool:
    """Whether fp32 data are multiplied as bfloat16 (fpmath mode).

    On x86-64 the implementation's name tells. The Arm Compute Library's does not: it does so wherever it may.
    """
    may = _FPMATH_BFLOAT16 in kernel.types and "acl" in kernel.implementation
    return may or "bf16" in kernel.implementation or "amx" in kernel.implementation


_HOLDS: dict[Precision, Callable[[Kernel], bool]] = {
    Precision.FP32: _is_fp32,
    Precision.FP16: _is_fp16,
    Precision.BFLOAT16: _is_bfloat16,
    Precision.BFLOAT32: _is_bfloat32,
    Precision.INT8: _is_int8,
}


def _named(kernels: list[Kernel]) -> str:
    return ", ".join(dict.fromkeys(f"{kernel.implementation} ({kernel.types})" for kernel in kernels))
