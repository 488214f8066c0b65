"""What a recipe hands to the measuring loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pinbench.contract.result import DataFacts, IsaReadback, Libraries, ModelFacts, Quality


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A model that is ready to run and the batches to run it on.

    `step` is called with one of `batches` (in turn, round and round) between two clock reads: it does the
    model call and nothing else. The other callables run outside the timed part, once each; a recipe without
    an opinion leaves them out.
    """

    step: Callable[[Any], Any]
    batches: Sequence[Any]
    batch_size: int
    threads: int
    model: ModelFacts | None = None
    data: DataFacts | None = None
    libraries: Libraries | None = None
    probe: Callable[[], IsaReadback | None] = _nothing  # before warm-up: the process's first model call
    check: Callable[[], Quality | None] = _nothing  # after warm-up; raises ModelError when outputs are off
    gemm_peak: Callable[[], float | None] = _nothing  # FLOP/s of a GEMM of the same precision and threads
