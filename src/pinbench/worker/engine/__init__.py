"""What executes a model, one file each; here is what all of them are given and give back."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from pinbench.base.cache import cache_folder
from pinbench.contract.case import Isa
from pinbench.contract.result import EngineFacts, Kernel


def _own_cpus() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0)))


def _user_cache() -> Path:
    return cache_folder(os.environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where an engine compiles and what it may use there."""

    cpus: tuple[int, ...] = field(default_factory=_own_cpus)
    isa: Isa = Isa.ANY  # of the case's label
    max_cpu_isa: str | None = None  # the value of ONEDNN_MAX_CPU_ISA, which holds for kernels of our own too
    cache_dir: Path = field(default_factory=_user_cache)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A model that is ready to be called: dense features (B, I) and ids (B, F) in, click probability (B,) out."""

    call: Callable[[Tensor, Tensor], Tensor]
    facts: EngineFacts
    kernels: tuple[Kernel, ...] = ()  # of our own, which oneDNN's log does not show

    def __call__(self, dense_BI: Tensor, sparse_BF: Tensor) -> Tensor:
        """Return the click probability, shape (B,)."""
        return self.call(dense_BI, sparse_BF)
