"""The instruction sets that our kernels are compiled for, in oneDNN's words, and the best one that may be used.

Names and order: oneDNN's developer guide, "CPU Dispatcher Control". Options: GCC manual, "x86 Options"; Clang has the
same. What oneDNN calls ``avx512_core`` is the four extensions that every server with AVX-512 has.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pinbench.base.errors import UsageError

_AVX2 = ("-mavx2", "-mfma")
_AVX512_CORE = (*_AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl")
_AVX512_CORE_VNNI = (*_AVX512_CORE, "-mavx512vnni")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Kernels for one instruction set: its name and what the compiler is told."""

    name: str
    options: tuple[str, ...] = ()


GENERIC = Variant(name="generic")  # what every CPU of the architecture has: SSE2, NEON
_X86 = (
    GENERIC,
    Variant(name="avx2", options=_AVX2),
    Variant(name="avx512_core", options=_AVX512_CORE),
    Variant(name="avx512_core_vnni", options=_AVX512_CORE_VNNI),
    Variant(name="avx512_core_bf16", options=(*_AVX512_CORE_VNNI, "-mavx512bf16")),
)
# What has a use for the instructions that a name promises. fp32 has none for those of bfloat16, and a name that holds
# them would contradict an fp32 label.
_USES = {
    "avx512_core_vnni": (torch.int8,),
    "avx512_core_bf16": (torch.bfloat16, torch.int8),  # tables and dots are in bfloat16 under int8 too
}

# Values of ONEDNN_MAX_CPU_ISA and the best kernels of ours below each; what is not here has all that ours use.
_LIMITS = {
    "SSE41": "generic",
    "AVX": "generic",
    "AVX2": "avx2",
    "AVX2_VNNI": "avx2",
    "AVX2_VNNI_2": "avx2",
    "AVX512_CORE": "avx512_core",
    "AVX512_CORE_VNNI": "avx512_core_vnni",
}
_UNLIMITED = (
    "ALL", "DEFAULT", "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX10_1_512", "AVX512_CORE_AMX", "AVX512_CORE_AMX_FP16",
    "AVX10_1_512_AMX", "AVX10_1_512_AMX_FP16", "AVX10_2_512", "AVX10_2_512_AMX_2",
)  # fmt: skip


def variants(machine: str | None = None) -> tuple[Variant, ...]:
    """Return what is compiled for the architecture `machine` (``uname -m``; this one), the plainest first."""
    return _X86 if (machine or platform.machine()) == "x86_64" else (GENERIC,)


def useful(dtype: torch.dtype) -> tuple[str, ...]:
    """Return the names of those that this CPU can run and products of `dtype` have a use for, the plainest first."""
    return tuple(name for name in runnable() if name not in _USES or dtype in _USES[name])


def runnable() -> tuple[str, ...]:
    """Return the names of those that this CPU can run, the plainest first."""
    has_vnni = torch.cpu._is_avx512_supported() and torch.cpu._is_vnni_supported()
    has = {
        "generic": True,
        "avx2": torch.cpu._is_avx2_supported(),
        "avx512_core": torch.cpu._is_avx512_supported(),
        "avx512_core_vnni": has_vnni,
        "avx512_core_bf16": has_vnni and torch.cpu._is_avx512_bf16_supported(),  # VNNI came before it everywhere
    }
    return tuple(variant.name for variant in variants() if has[variant.name])


def best(names: Sequence[str], limit: str | None) -> str:
    """Return the last of `names` that `limit`, a value of ONEDNN_MAX_CPU_ISA, allows; None allows all.

    Raises:
        UsageError: oneDNN knows no such limit.
    """
    if limit is None or limit.upper() in _UNLIMITED:
        return names[-1]
    if limit.upper() not in _LIMITS:
        known = ", ".join(sorted({*_LIMITS, *_UNLIMITED}))
        raise UsageError(f"ONEDNN_MAX_CPU_ISA={limit} is no limit that oneDNN knows; there are: {known}")
    order = [variant.name for variant in _X86]
    allowed = order[: order.index(_LIMITS[limit.upper()]) + 1]
    return [name for name in names if name in allowed][-1]
