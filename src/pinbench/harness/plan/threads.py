"""The environment of one instance: threads, their places, the instruction set's limit, the allocator."""

from collections.abc import Sequence
from pathlib import Path

from pinbench.base.units import MIB
from pinbench.contract.case import Case
from pinbench.contract.host import HostFacts
from pinbench.harness.host.isa import max_cpu_isa

# What a user's shell may hold and what must not reach an instance: each of these changes a number silently.
SCRUBBED_PREFIXES = (
    "OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_", "OPENBLAS_", "MALLOC_", "GLIBC_TUNABLES", "TCMALLOC_",
    "LD_PRELOAD", "ATEN_CPU_CAPABILITY", "TORCH_MKLDNN_", "TORCHINDUCTOR_",
)  # fmt: skip

# Parameters of a workload that a library reads from the environment, under the same name.
_HANDED_ON = ("TORCH_MKLDNN_MATMUL_MIN_DIM",)

_NEVER_TRIM_BYTES = 1 << 40  # more than any heap: nothing is given back
_HEAP_GROWTH_BYTES = 64 * MIB  # fewer brk calls while the heap grows to its working size

# A forward pass frees temporaries of 10 to 300 MB at each step. Left alone, the allocators return them to the kernel,
# which zeroes and faults in the same pages at the next step: 56,000 page faults a step for two tensors of 110 MB with
# glibc 2.36 and with jemalloc 5.3, none with these settings, at a third of the time and less.
_ALLOCATOR_SETTINGS = {
    # mallopt(3): M_MMAP_THRESHOLD is capped at 32 MiB on 64-bit systems, so larger blocks stay off mmap only through
    # M_MMAP_MAX. Fixed thresholds also switch off glibc's dynamic adjustment of them.
    "": {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(_NEVER_TRIM_BYTES),
        "MALLOC_TOP_PAD_": str(_HEAP_GROWTH_BYTES),
    },
    # jemalloc(3): -1 never purges; threshold 0 has no separate arena for large blocks.
    "jemalloc": {"MALLOC_CONF": "oversize_threshold:0,dirty_decay_ms:-1,muzzy_decay_ms:-1"},
    # gperftools' tcmalloc documentation: 0 never returns memory.
    "tcmalloc": {"TCMALLOC_RELEASE_RATE": "0"},
}


def environment(case: Case, facts: HostFacts, cpus: Sequence[int], allocator: Path | None) -> dict[str, str]:
    """Return the variables of an instance that computes with one thread on each of `cpus`.

    Args:
        case: tells the label, the allocator's name and oneDNN's verbosity.
        facts: tells whether the label needs a limit here.
        cpus: one thread each, in this order.
        allocator: the shared object of the allocator that the case names; None for the C library's.
    """
    return {
        **_threads(cpus),
        **_isa(case, facts),
        **({"ONEDNN_VERBOSE": str(case.knobs.onednn_verbose)} if case.knobs.onednn_verbose > 0 else {}),
        **{name: str(case.knobs.own[name]) for name in _HANDED_ON if name in case.knobs.own},
        **_ALLOCATOR_SETTINGS[case.knobs.allocator],
        **({"LD_PRELOAD": str(allocator)} if allocator else {}),
    }


def _threads(cpus: Sequence[int]) -> dict[str, str]:
    count = str(len(cpus))
    return {
        "OMP_NUM_THREADS": count,
        # The standard's variables bind alike in libgomp (stock PyTorch) and libiomp5. KMP_AFFINITY and
        # GOMP_CPU_AFFINITY would be their rivals: libiomp5 ignores one of two with a warning.
        "OMP_PROC_BIND": "close",
        "OMP_PLACES": ",".join(f"{{{cpu}}}" for cpu in cpus),
        "OMP_DYNAMIC": "FALSE",  # a runtime that finds the host busy must not take fewer threads than recorded
        "KMP_BLOCKTIME": "1",  # ms that libiomp5's threads spin after a region, as torch.backends.xeon.run_cpu sets it
        "MKL_NUM_THREADS": count,
        "MKL_DYNAMIC": "FALSE",
    }


def _isa(case: Case, facts: HostFacts) -> dict[str, str]:
    limit = max_cpu_isa(case, facts)
    if limit is None:
        return {}
    # MKL multiplies bfloat16 too, and has its own switch: E3 has AVX-512 with bfloat16, E4 adds AMX (oneMKL developer
    # guide, "Instruction Set Specific Dispatching").
    return {"ONEDNN_MAX_CPU_ISA": limit, "MKL_ENABLE_INSTRUCTIONS": "AVX512_E3"}
