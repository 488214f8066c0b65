"""Which precision labels this host can run, and how oneDNN is kept to the label's instruction set.

ONEDNN_MAX_CPU_ISA: oneDNN's developer guide, "CPU Dispatcher Control". Flags: the names of /proc/cpuinfo
(arch/x86/include/asm/cpufeatures.h and arch/arm64/kernel/cpuinfo.c of the kernel).
"""

from collections.abc import Collection

from pinbench.base.errors import HostError, UsageError
from pinbench.contract.case import Case, Isa, Precision
from pinbench.contract.host import HostFacts

_X86 = (
    "avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16",
    "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
)  # fmt: skip
_ARM = ("asimd", "asimdhp", "asimddp", "sve", "sve2", "i8mm", "bf16", "svei8mm", "svebf16")

# What a label needs: of each group at least one. bfloat32 keeps fp32 tensors and multiplies in bfloat16.
_NEEDS: dict[tuple[Isa, Precision], tuple[tuple[str, ...], ...]] = {
    (Isa.AVX, Precision.FP32): (("avx2",),),
    (Isa.AVX, Precision.BFLOAT16): (("avx512_bf16",),),
    (Isa.AVX, Precision.BFLOAT32): (("avx512_bf16",),),
    (Isa.AVX, Precision.INT8): (("avx512_vnni", "avx_vnni"),),
    (Isa.AMX, Precision.BFLOAT16): (("amx_tile",), ("amx_bf16",)),
    (Isa.AMX, Precision.BFLOAT32): (("amx_tile",), ("amx_bf16",)),
    (Isa.AMX, Precision.INT8): (("amx_tile",), ("amx_int8",)),
    # Without an instruction set in the label: whatever of either architecture multiplies so.
    (Isa.ANY, Precision.BFLOAT16): (("avx512_bf16", "bf16"),),
    (Isa.ANY, Precision.BFLOAT32): (("avx512_bf16", "bf16"),),
    (Isa.ANY, Precision.INT8): (("avx512_vnni", "avx_vnni", "asimddp"),),
}
# Labels that workloads declare: the way out that a refusal offers.
_OFFERED = ("avx_fp32", "avx_int8", "avx_bfloat16", "amx_int8", "amx_bfloat16", "amx_bfloat32")
_OFFERED_BARE = ("fp32", "bfloat16", "bfloat32")  # by workloads whose labels name no instruction set


def features(flags: Collection[str], architecture: str) -> frozenset[str]:
    """Return those of `flags` that decide which arithmetic a host can do."""
    return frozenset(_ARM if architecture == "aarch64" else _X86) & frozenset(flags)


def require(case: Case, facts: HostFacts) -> None:
    """Check that the instruction set of the case's label exists here, or may be imitated.

    Raises:
        HostError: it does not; names what is missing and the labels that can run here.
        UsageError: no processor has it: AMX does not multiply in fp32.
    """
    if case.isa is not Isa.ANY and (case.isa, case.precision) not in _NEEDS:
        raise UsageError(f"no processor has {case.isa} instructions for {case.precision}; {_way_out(case, facts)}")
    missing = _missing(case.isa, case.precision, facts)
    if not missing or case.knobs.allow_emulation:
        return
    here = ", ".join(sorted(features(facts.flags, facts.architecture))) or "none that a label needs"
    raise HostError(
        f"this host has no {' and no '.join(missing)} ({facts.architecture}, flags: {here}); "
        f"case {case.name} needs it. {_way_out(case, facts)}, or set ALLOW_EMULATION=True to try it without speed"
    )


def emulation(case: Case, facts: HostFacts) -> str | None:
    """Return what the case only imitates here because it may; None: all instructions are there."""
    missing = _missing(case.isa, case.precision, facts)
    if not missing or not case.knobs.allow_emulation:
        return None
    return f"this host has no {' and no '.join(missing)}"


def max_cpu_isa(case: Case, facts: HostFacts) -> str | None:
    """Return the value of ONEDNN_MAX_CPU_ISA that keeps an ``avx_`` label from AMX; None: no limit is needed.

    Hosts without AMX get none: there any limit could only take something away (AVX2_VNNI_2 of E-core Xeons is
    not below AVX512_CORE_FP16 in oneDNN's order).
    """
    if case.isa is not Isa.AVX or "amx_tile" not in facts.flags:
        return None
    if case.precision in (Precision.BFLOAT16, Precision.BFLOAT32):
        return "AVX512_CORE_BF16"
    return "AVX512_CORE_FP16"  # the highest one below AMX; newer versions call it AVX10_1_512 and know both names


def _missing(isa: Isa, precision: Precision, facts: HostFacts) -> list[str]:
    groups = _NEEDS.get((isa, precision), ())
    return [" or ".join(group) for group in groups if not set(group) & set(facts.flags)]


def _way_out(case: Case, facts: HostFacts) -> str:
    if case.isa is Isa.ANY:
        bare = [name for name in _OFFERED_BARE if not _missing(Isa.ANY, Precision(name), facts)]
        return f"Set PRECISION to one of: {', '.join(bare)}"
    labels = (label.split("_") for label in _OFFERED)
    runs = [f"{isa}_{name}" for isa, name in labels if not _missing(Isa(isa), Precision(name), facts)]
    if runs:
        return f"Pick one of: {', '.join(runs)}"
    return "Pick a workload whose precisions name no instruction set"
