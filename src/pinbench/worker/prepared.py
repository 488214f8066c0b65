"""What a recipe hands to the measuring loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pinbench.contract.result import (
    Accuracy,
    Answers,
    DataFacts,
    DataFlow,
    DeviceFacts,
    EngineFacts,
    IsaReadback,
    Libraries,
    LoadgenResult,
    ModelFacts,
    Quality,
    Training,
)


def _nothing() -> None:
    return None


def _ignore(_: Sequence[int]) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A model that is ready to run and the batches to run it on.

    `step` is called with one of `batches` (in turn, round and round) between two clock reads: it does the
    model call and nothing else, unless the case says end to end: then it gets its batch itself. The other
    callables run outside the timed part; a recipe without an opinion leaves them out.
    """

    step: Callable[[Any], Any]
    warm_up_step: Callable[[Any], Any] | None = None  # None: `step`; another where steps must not happen twice
    warmed: Callable[[Sequence[int]], None] = _ignore  # after warm-up: is told how long each of its steps took, in ns
    steps: int | None = None  # of the window; None: as many as the case says
    more: Callable[[], bool] | None = None  # between steps: whether there is another; None: as `steps` says
    batches: Sequence[Any]
    batch_size: int
    threads: int
    engine: EngineFacts | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    libraries: Libraries | None = None
    probe: Callable[[], IsaReadback | None] = _nothing  # before warm-up: the process's first model call
    check: Callable[[], Quality | None] = _nothing  # after warm-up; raises ModelError when outputs are off
    flow: Callable[[], DataFlow | None] = _nothing  # what steps have got themselves so far; before and after the window
    close: Callable[[], None] = _nothing  # last of all, and when something failed
    accuracy: Callable[[], Accuracy | None] = _nothing  # after the window: what its outputs are worth
    training: Callable[[], Training | None] = _nothing  # after the window: what its steps have learned
    loadgen: Callable[[], LoadgenResult | None] = _nothing  # after the window: what LoadGen, which asked, says
    answers: Callable[[], Answers | None] = _nothing  # the same, of answers to questions
    device: Callable[[], DeviceFacts | None] = _nothing  # after the window: what computed
    gemm_peak: Callable[[], float | None] = _nothing  # FLOP/s of a GEMM of the same precision and threads
