"""What an instance measured and read back of itself, and the record of a run.

Format history of `Record` (SCHEMA_VERSION):
    1  first
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pinbench.contract.host import HostFacts, HostLoad
from pinbench.contract.plan import Plan

SCHEMA_VERSION = 1


class Status(StrEnum):
    """How an instance or a run ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Enforcement(StrEnum):
    """How firmly memory was bound to its node."""

    ENFORCED = "enforced"  # a binding policy is set and every page read back lies where it should
    BEST_EFFORT = "best effort"  # first touch on a pinned thread, or the policy was refused
    NONE = "none"  # nothing to bind: the host has one node


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the instance really ran, read from /proc after warm-up."""

    cpus_seen: tuple[int, ...]  # union of Cpus_allowed_list over all threads that compute
    thread_masks: tuple[str, ...]  # Cpus_allowed_list of each thread, distinct ones
    threads: int  # intra-op threads of the math library
    memory: Enforcement
    node_pages: Mapping[int, int]  # pages per NUMA node (/proc/self/numa_maps); empty on one node
    migrations: int | None  # between CPUs, during the measured window


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One primitive that oneDNN really executed, from its verbose log, or a kernel of our own."""

    primitive: str  # matmul, inner_product, ...; ours: chain, lookup_dots
    implementation: str  # brg_matmul:avx512_core_bf16, ...; ours: pinbench:avx512_core_bf16, ...
    types: str  # src:bf16 wei:bf16 dst:bf16, ...
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IsaReadback:
    """Which instruction set the math really used, read in a probe outside the timed part."""

    header: str | None  # oneDNN's own "isa:" line
    kernels: tuple[Kernel, ...]
    version: str | None = None  # of oneDNN, in its own words: "v3.12.0 (commit 80afa71...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedWeights:
    """The weights of the layers in the layout of our own kernels, as the path that runs reads them."""

    size_bytes: int
    mapping: str  # permissions and file of their memory, from /proc/self/maps: "r--s /memfd:pinbench-weights-0"
    made_here: bool  # false: another instance packed them


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What executed the model, as it says itself."""

    name: str  # "eager", "pinned", ...: what ran, not what was asked for
    versions: Mapping[str, str] = field(default_factory=dict)  # of the packages that computed, as the instance has them
    threads: int | None = None  # that one model call uses
    compile_s: float | None = None  # what making the artefact took, whenever that was; None: there is nothing to make
    artefact: str | None = None  # the file that was made once and is used again
    reused: bool = False  # whether an earlier start, or another instance, had made it
    settings: Mapping[str, str] = field(default_factory=dict)  # of the engine's own, read back
    fallback: str | None = None  # why it is another one than the case asked for
    path: str | None = None  # of pinned: "chain", all layers in one parallel region, or "layers", each by oneDNN
    isa: str | None = None  # of the kernels of our own, in oneDNN's words: "avx2", "avx512_core", ...
    build_s: float | None = None  # of these kernels, by the C++ compiler; None: they were in the cache, or not needed
    trial_s: Mapping[str, float] = field(default_factory=dict)  # the best step of each path, where both were tried
    packed: PackedWeights | None = None  # that instances share; None: each has its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Agreement with an independent fp32 eager computation of the same rows."""

    samples: int
    max_logit_error: float
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Accuracy of the case's precision and of an independent fp32 computation, of the same rows."""

    samples: int
    auc: float  # 0 to 1
    fp32_auc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How well the probabilities fit the labels of rows, each of which was scored once."""

    samples: int
    clicks: int  # rows with the label 1
    auc: float  # area under the ROC curve, 0 to 1
    correct: int  # rows whose probability is on the side of 0.5 of their label; 0.5 itself is none, as np.round has it
    log_loss: float  # mean of -ln of the probability that the label had
    bayes_auc: float | None = None  # of made-up rows: what the law of their labels reaches, so no model exceeds it
    fp32: Comparison | None = None  # None: the case computes in fp32 itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One look at the evaluation split during a training."""

    step: int  # optimizer steps made before it
    epoch: float  # 0.05: a twentieth of the first epoch has been learned
    accuracy: Accuracy
    train_loss: float  # mean of the steps since the last evaluation
    elapsed_s: float  # since the first step, evaluations included


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What was learned in the measured steps."""

    samples: int  # rows that the measured steps learned from
    loss: float  # of the last step, before it
    steps_per_epoch: int | None = None  # None: batches came round and round, and nothing was evaluated
    target_auc: float | None = None  # 0 to 1, at which it ends; None: nothing ends it early
    reached_s: float | None = None  # seconds from the first step to the end of the evaluation that reached the target
    evaluations: tuple[Evaluation, ...] = ()  # in order, those before an interruption included
    resumed_step: int | None = None  # steps that an earlier run had made; None: this one began


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadgenResult:
    """What MLPerf's LoadGen says of a test.

    None: not of this scenario, or of accuracy mode, of which LoadGen gives no figures.
    """

    scenario: str
    is_valid: bool | None = None
    reasons: tuple[str, ...] = ()  # why it is not valid, in LoadGen's words
    samples_per_s: float | None = None  # of Offline and Server
    percentile: str | None = None  # of the single and multi stream: the one that counts, "90.0"
    percentile_ns: float | None = None
    estimate_ns: float | None = None  # of the same, as early stopping has it; what a submission reports
    latency_ns: Mapping[str, float] = field(default_factory=dict)  # "Min", "Mean", "Max", "50.00", "90.00", ...
    settings: Mapping[str, str] = field(default_factory=dict)  # as LoadGen writes them
    samples: int = 0  # there are
    pairs: int = 0  # of user and item, in these samples together


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How well the answers to questions agree with those that people gave."""

    questions: int
    windows: int  # of their paragraphs: the samples, each computed once
    exact_match: float  # 0 to 1
    f1: float  # 0 to 1, mean over the questions


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """The model that ran."""

    name: str
    parameters: int
    weight_bytes: int
    flops_per_sample: float  # multiply and add counted as two
    table_rows: int
    max_ind_range: int | None
    weight_dtype: str
    table_dtype: str
    origin: str  # "seed 0", or the checkpoint's path
    calibration: str | None = None  # the rows that the scales of a quantised model were taken from


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """The samples that were fed."""

    name: str
    rows: int  # distinct rows of this shard
    detail: str  # "power law, alpha 1.05, seed 0", or the file and its sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFlow:
    """What came to the measured steps when each gets its own batch (DATA_LOADING=end_to_end)."""

    rows: int
    read_bytes: int  # that these rows take in the files
    disk_bytes: int | None  # that the kernel fetched for this process meanwhile; the page cache had the rest
    wait_ns: int  # that steps waited for a batch that was not ready
    waits: int  # how many steps waited
    threads: int  # that read, verify and convert, on the instance's own CPUs


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """Memory of the instance at the end of the measured window, while all others still lived."""

    pss_bytes: int
    rss_bytes: int
    huge_bytes: int  # on transparent huge pages: anonymous, file or shared memory
    shared_pss_bytes: int | None = None  # of the PSS, what lies in shared memory: this instance's part of the store


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """What is really mapped into the process (/proc/self/maps)."""

    allocator: str  # "jemalloc", "tcmalloc" or "libc"
    openmp: str  # "libgomp", "libiomp5", ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """The accelerator that computed, or the CPU in its place, as it was read back."""

    asked: str  # the parameter's value: "auto", "cuda", ...
    device: str  # what ran, in PyTorch's words: "cuda:0", "npu:0", "cpu"
    name: str  # of the hardware
    memory_bytes: int | None = None  # it has; None: of a CPU, whose memory is the instance's
    peak_bytes: int | None = None  # the most that tensors took of it


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceResult:
    """All that one instance measured. Times are CLOCK_MONOTONIC, which all processes of a host share."""

    index: int
    status: Status
    error: str | None = None
    pid: int | None = None
    exit_signal: int | None = None
    batch_size: int = 0
    setup_s: float | None = None  # from start of the process until it waited at the gate
    warmup_ns: tuple[int, ...] = ()  # duration of each warm-up step
    begin_ns: tuple[int, ...] = ()  # begin of each measured step
    step_ns: tuple[int, ...] = ()  # duration of each measured step
    placement: Placement | None = None
    engine: EngineFacts | None = None
    isa: IsaReadback | None = None
    quality: Quality | None = None
    accuracy: Accuracy | None = None  # of accuracy mode, for labelled rows
    answers: Answers | None = None  # of accuracy mode, for questions
    training: Training | None = None  # None: inference
    loadgen: LoadgenResult | None = None  # None: our own loop asked
    model: ModelFacts | None = None
    data: DataFacts | None = None
    flow: DataFlow | None = None  # None: all batches were ready before the window
    memory: MemoryUse | None = None
    libraries: Libraries | None = None
    device: DeviceFacts | None = None  # None: the workload knows CPUs alone
    gemm_peak_flop_per_s: float | None = None  # measured after the window, all instances at once

    @property
    def scored_samples(self) -> int | None:
        """The samples of accuracy mode, each computed once; None in other modes."""
        if self.answers is not None:
            return self.answers.windows
        return None if self.accuracy is None else self.accuracy.samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """Versions that a number depends on. The git commit ends in ``+`` when the tree had changes."""

    pinbench: str
    python: str
    git_commit: str | None
    packages: Mapping[str, str]  # torch, numpy, ...; oneDNN, which is a part of torch, tells its own to the instances


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFacts:
    """The container that a run was in, as the engine on the host knows it."""

    engine: str  # "podman 4.3.1"
    image: str  # as it was asked for: registry, name and tag
    image_id: str  # "sha256:..." of its configuration, which names its layers: what ran
    digest: str | None = None  # "name@sha256:..." in a registry; None: it was built here and never pushed


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything about one iteration of a case: the only input of KPIs."""

    schema: int
    status: Status
    failure: str | None
    command: tuple[str, ...]  # argv that repeats this run
    started_at: str  # ISO 8601, UTC
    elapsed_s: float
    plan: Plan | None
    host: HostFacts
    load: HostLoad | None
    software: Software
    results: tuple[InstanceResult, ...]
    container: ContainerFacts | None = None  # None: the run was native, or a container's own, which cannot know it
