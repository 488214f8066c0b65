"""WHAT: a fully chosen case, one ctest entry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Scalar = bool | int | float | str


class Function(StrEnum):
    """What the model is run for."""

    INFERENCE = "inference"
    TRAINING = "training"


class Mode(StrEnum):
    """What is measured."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    ACCURACY = "accuracy"


class Isa(StrEnum):
    """The instruction set of a case's label: AVX forbids AMX, AMX demands it, ANY asks for nothing."""

    AVX = "avx"
    AMX = "amx"
    ANY = "any"


class Precision(StrEnum):
    """The number format of the multiplications."""

    FP32 = "fp32"
    FP16 = "fp16"
    BFLOAT16 = "bfloat16"
    BFLOAT32 = "bfloat32"
    INT8 = "int8"


class Variant(StrEnum):
    """Full (no suffix), gated (short, for CI) or pkm (the representative, profiled one)."""

    FULL = ""
    GATED = "gated"
    PKM = "pkm"


class DataType(StrEnum):
    """Where the samples come from."""

    SYNTHETIC = "synthetic"
    REAL = "real"


class Scenario(StrEnum):
    """Who asks for inferences: our own loop (no word), or MLPerf's LoadGen, in one of its scenarios."""

    OWN = ""
    OFFLINE = "Offline"
    SERVER = "Server"
    SINGLE_STREAM = "SingleStream"
    MULTI_STREAM = "MultiStream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """Everything about a case that a user may turn; the upper-case name is the environment's.

    `own` holds the parameters that only this workload's recipe knows (MAX_IND_RANGE, ...).
    """

    batch_size: int
    warmup_steps: int
    steps: int | None  # measured steps of each instance: at least this many; None: what the rows of accuracy mode take
    min_duration_s: float  # ... and for at least this long; 0 asks for the steps alone
    cores_per_instance: int | None = None
    instances: int | None = None
    weight_sharing: bool = True
    data_type: DataType = DataType.SYNTHETIC
    dataset_dir: str | None = None
    engine: str = "eager"
    scenario: Scenario = Scenario.OWN
    allow_emulation: bool = False  # of a precision that the CPU lacks the instructions for
    seed: int = 0
    onednn_verbose: int = 0
    allocator: str = ""  # "", "jemalloc" or "tcmalloc"; "" is the C library's
    cost_per_hour: float | None = None
    deadline_s: float = 28_800.0  # WSF's default execution time limit
    own: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fully chosen combination; `name` is the ctest name without ``test_``."""

    workload: str  # the folder under workload/
    name: str
    recipe: str  # the module under worker/recipes/
    function: Function
    mode: Mode
    isa: Isa
    precision: Precision
    variant: Variant
    knobs: Knobs
    overrides: tuple[str, ...] = ()  # names of the parameters that the user changed

    @property
    def label(self) -> str:
        """The precision as the case name writes it, e.g. ``amx_bfloat16``."""
        return self.precision.value if self.isa is Isa.ANY else f"{self.isa}_{self.precision}"

    @property
    def display_name(self) -> str:
        """The name, marked when a user's override made it another case than the declared one."""
        return f"{self.name}_customized" if self.overrides else self.name
