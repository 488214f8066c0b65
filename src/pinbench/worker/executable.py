"""What an engine is told besides the model, and what it hands back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pinbench.contract.case import Isa, Precision
from pinbench.contract.result import EngineFacts, Kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part of the memory file that the instances of a node share, from a whole huge page on."""

    fd: int
    begin: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how an engine is to compute."""

    precision: Precision
    cpus: tuple[int, ...]  # one thread on each, in this order
    cache: Path  # for what is compiled once and used by later starts; may not exist yet
    isa: Isa = Isa.ANY  # of the case's label
    varying: tuple[int, ...] = ()  # positions of the inputs whose first dimension differs from call to call
    onednn_min_dim: int | None = None  # a layer goes to oneDNN only if all its dimensions are more; None: each goes
    packed: Place | None = None  # where the instances of a node keep packed weights; None: each has its own
    max_cpu_isa: str | None = None  # the value of ONEDNN_MAX_CPU_ISA, which holds for kernels of our own too


@dataclass(frozen=True, slots=True, kw_only=True)
class Executable:
    """A model that an engine has made ready for inputs of one shape.

    The output of `call` may lie in memory that the next call overwrites.
    `kernels` are the matrix products of one call, as the engine tells them itself; None: they are those of PyTorch's
    own oneDNN, whose log tells them.
    """

    call: Callable[..., Tensor]
    facts: EngineFacts
    kernels: tuple[Kernel, ...] | None = None
    own_kernels: tuple[Kernel, ...] = ()  # of the suite, beside these: no log of oneDNN shows them
