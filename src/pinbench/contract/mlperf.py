"""What both sides know of MLPerf: the form of its training log, and the benchmarks with the rules that each obeys."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LOG_FILE = "mlperf_log.txt"  # in an instance's folder
LOG_MARK = ":::MLLOG "  # begins a line of it


class Division(StrEnum):
    """Closed: the reference's model and hyper-parameters, so that systems can be compared. Open: anything."""

    OPEN = "open"
    CLOSED = "closed"


class SubmissionStatus(StrEnum):
    """Whether others can have such a system."""

    ONPREM = "onprem"
    CLOUD = "cloud"
    PREVIEW = "preview"
    RESEARCH = "research"


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A training benchmark."""

    ruleset: str  # the newest one that has it
    runs: int  # that make a submission (mlcommons/logging, benchmark_meta.py)
    target: float  # the quality that a run must reach
    metric: str


# Of pre-training, not of a fine-tuning on SQuAD, is the target of bert: the accuracy of the masked words.
BENCHMARKS: Mapping[str, Benchmark] = {
    "dlrm": Benchmark(ruleset="2.1.0", runs=5, target=0.8025, metric="AUC"),
    "dlrm_dcnv2": Benchmark(ruleset="6.0.0", runs=10, target=0.80275, metric="AUC"),
    "bert": Benchmark(ruleset="5.0.0", runs=10, target=0.72, metric="masked-word accuracy"),
}
