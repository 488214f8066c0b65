"""Builds records for tests; run as a program, writes the recorded runs of tests/data anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pinbench.base.units import GIB, MIB, s_to_ns
from pinbench.contract.case import Case, Function, Isa, Knobs, Mode, Precision, Variant
from pinbench.contract.host import Cpu, HostFacts, HostLoad, Node, Topology
from pinbench.contract.plan import Instance, Plan, WeightSource
from pinbench.contract.result import (
    SCHEMA_VERSION,
    Accuracy,
    Comparison,
    DataFacts,
    Enforcement,
    InstanceResult,
    IsaReadback,
    Kernel,
    Libraries,
    MemoryUse,
    ModelFacts,
    Placement,
    Quality,
    Record,
    Software,
    Status,
)

DATA = Path(__file__).parents[1] / "data"
BATCH_SIZE = 128
STEPS = 100

FP32_KERNEL = Kernel(
    primitive="matmul", implementation="brg_matmul:avx512_core", types="src:f32 wei:f32 dst:f32", calls=8
)
BF16_KERNEL = Kernel(
    primitive="matmul", implementation="brg_matmul:avx512_core_bf16", types="src:bf16 wei:bf16 dst:bf16", calls=8
)
AMX_KERNEL = Kernel(
    primitive="matmul", implementation="brg_matmul:avx512_core_amx", types="src:bf16 wei:bf16 dst:bf16", calls=8
)

ACCURACY = Accuracy(
    samples=12_750,
    clicks=408,
    auc=0.8025,
    correct=12_351,
    log_loss=0.1275,
    bayes_auc=0.85,
    fp32=Comparison(samples=12_750, auc=0.8025, fp32_auc=0.80275),
)

MODEL = ModelFacts(
    name="dlrm",
    parameters=335_000_000,
    weight_bytes=1_340_000_000,
    flops_per_sample=640_000.0,
    table_rows=2_600_000,
    max_ind_range=100_000,
    weight_dtype="float32",
    table_dtype="float32",
    origin="seed 0",
)


def make_case(**changes: Any) -> Case:
    """Return a case; `changes` are fields of Case, or of Knobs."""
    knobs = {"batch_size": BATCH_SIZE, "warmup_steps": 2, "steps": 10, "min_duration_s": 0.0}
    case = {
        "workload": "DLRM-PyTorch-Xeon-Public",
        "name": "dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated",
        "recipe": "dlrm",
        "function": Function.INFERENCE,
        "mode": Mode.THROUGHPUT,
        "isa": Isa.AVX,
        "precision": Precision.FP32,
        "variant": Variant.GATED,
    }
    for name, value in changes.items():
        (knobs if name in Knobs.__dataclass_fields__ else case)[name] = value
    return Case(knobs=Knobs(**knobs), **case)


def make_plan(case: Case, instances: int = 2) -> Plan:
    """Return a plan of instances with one CPU each on a host with one NUMA node."""
    return Plan(
        case=case,
        topology=Topology(
            cpus=tuple(Cpu(id=i, core=i, socket=0, node=0, l3=0) for i in range(instances)),
            nodes=(Node(id=0, total_bytes=24 * GIB, free_bytes=20 * GIB),),
        ),
        instances=tuple(
            Instance(
                index=i,
                case=case,
                shard=i,
                shards=instances,
                cpus=(i,),
                memory_nodes=(0,),
                weights=WeightSource.BUILD if i == 0 else WeightSource.MAP,
                store=0,
                weight_budget_bytes=8 * GIB,
                env={"OMP_NUM_THREADS": "1"},
            )
            for i in range(instances)
        ),
        deadline_s=600.0,
    )


def ok(
    index: int, *, start_s: float = 1000.0, step_s: float = 0.01, steps: int = STEPS, **changes: Any
) -> InstanceResult:
    """Return the result of an instance whose steps follow each other without a gap."""
    step_ns = changes.pop("step_ns", (s_to_ns(step_s),) * steps)
    begins, now_ns = [], s_to_ns(start_s)
    for ns in step_ns:
        begins.append(now_ns)
        now_ns += ns
    result = InstanceResult(
        index=index,
        status=Status.PASSED,
        pid=4000 + index,
        batch_size=BATCH_SIZE,
        setup_s=1.25,
        warmup_ns=(s_to_ns(2 * step_s), s_to_ns(step_s)),
        begin_ns=tuple(begins),
        step_ns=tuple(step_ns),
        placement=Placement(
            cpus_seen=(index,),
            thread_masks=(str(index),),
            threads=1,
            memory=Enforcement.NONE,
            node_pages={},
            migrations=0,
        ),
        isa=IsaReadback(header="Intel AVX-512 with Intel DL Boost", kernels=(FP32_KERNEL,)),
        quality=Quality(samples=64, max_logit_error=2.5e-7, tolerance=1e-5),
        model=MODEL,
        data=DataFacts(name="synthetic Criteo", rows=8192, detail="power law, alpha 1.05, seed 0"),
        memory=MemoryUse(pss_bytes=900 * MIB, rss_bytes=1600 * MIB, huge_bytes=1200 * MIB),
        libraries=Libraries(allocator="libc", openmp="libgomp"),
        gemm_peak_flop_per_s=100e9,
    )
    return replace(result, **changes)


def died(index: int, signal: int = 9) -> InstanceResult:
    """Return the result of an instance that was killed while it measured."""
    return InstanceResult(index=index, status=Status.FAILED, pid=4000 + index, exit_signal=signal)


def make_record(*results: InstanceResult, case: Case | None = None, **changes: Any) -> Record:
    """Return the record of a run in which each of `results` was planned; by default two good instances."""
    results = results or (ok(0), ok(1))
    case = case or make_case()
    record = Record(
        schema=SCHEMA_VERSION,
        status=Status.PASSED,
        failure=None,
        command=("./ctest.sh", "-R", f"^test_{case.name}$"),
        started_at="2025-01-02T03:04:05+00:00",
        elapsed_s=12.5,
        plan=make_plan(case, len(results)),
        host=make_host(),
        load=HostLoad(load_1m_before=0.1, busy_share=0.99, steal_share=0.0, other_busy_share=0.005),
        software=Software(
            pinbench="0.1.0", python="3.11.7", git_commit="27e299d", packages={"torch": "2.13.0+cpu", "numpy": "2.4.0"}
        ),
        results=results,
    )
    return replace(record, **changes)


def make_host() -> HostFacts:
    """Return the facts of a virtual machine."""
    return HostFacts(
        cpu_model="AMD EPYC 9B14",
        vendor="AuthenticAMD",
        family=25,
        model=17,
        stepping=1,
        microcode="0xffffffff",
        flags=("avx2", "avx512f", "avx512_bf16"),
        platform="GENOA",
        architecture="x86_64",
        kernel="6.1.0-18-amd64",
        os="Debian GNU/Linux 12 (bookworm)",
        hypervisor="kvm",
        container=None,
        frequency_driver=None,
        governor=None,
        turbo=None,
        smt="off",
        transparent_hugepages="madvise",
        transparent_hugepages_shmem="never",
        numa_balancing=None,
        memory_bytes=24 * GIB,
        swap_used_bytes=0,
        mitigations={"meltdown": "Not affected"},
    )


def uneven(steps: int, base_ns: int, index: int) -> tuple[int, ...]:
    """Return step times with a slow one now and then, the same ones each time."""
    return tuple(base_ns + (i * 7919 + index * 104_729) % 9973 + (200_000 if i % 97 == 96 else 0) for i in range(steps))


def recorded_runs() -> dict[str, Record]:
    """Return the runs that tests/data/records/v1 holds, by the name of the file."""
    latency = make_case(
        name="dlrm_pytorch_xeon_public_inference_latency_avx_fp32",
        mode=Mode.LATENCY,
        variant=Variant.FULL,
        batch_size=1,
        cost_per_hour=3.6,
    )
    amx = make_case(
        name="dlrm_pytorch_xeon_public_inference_throughput_amx_bfloat16", isa=Isa.AMX, precision=Precision.BFLOAT16
    )
    accuracy = make_case(
        name="dlrm_pytorch_xeon_public_inference_accuracy_avx_bfloat16",
        mode=Mode.ACCURACY,
        precision=Precision.BFLOAT16,
        variant=Variant.FULL,
        steps=None,
    )
    dead = "instance 1 (cpus 1, node 0) was killed by signal 9 (SIGKILL) after 3.2 s, while measuring"
    probe = IsaReadback(header="Intel AVX-512 with bfloat16", kernels=(BF16_KERNEL,))
    return {
        "good": make_record(
            ok(0, step_ns=uneven(400, 1_000_000, 0)), ok(1, step_ns=uneven(400, 1_000_000, 1), start_s=1000.001)
        ),
        "latency": make_record(
            ok(0, step_ns=uneven(600, 60_000, 0), batch_size=1),
            ok(1, step_ns=uneven(600, 60_000, 1), batch_size=1),
            case=latency,
        ),
        "accuracy": make_record(ok(0, isa=probe, accuracy=ACCURACY), case=accuracy),
        "instance_dead": make_record(ok(0), died(1), status=Status.FAILED, failure=dead),
        "no_overlap": make_record(ok(0), ok(1, start_s=1000.5)),
        "wrong_isa": make_record(ok(0, isa=probe), ok(1, isa=probe), case=amx),
    }


def main() -> None:
    """Write the recorded runs and the blocks that they give."""
    from pinbench.harness.kpi.judge import conclude
    from pinbench.harness.kpi.text import format_block
    from pinbench.harness.record.schema import write_record

    for name, record in recorded_runs().items():
        write_record(DATA / "records" / "v1" / f"{name}.json", record)
        (DATA / "kpi" / f"{name}.txt").write_text(format_block(conclude(record)[1]), encoding="utf-8")


if __name__ == "__main__":
    main()
