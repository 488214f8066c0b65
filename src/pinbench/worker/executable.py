"""What an engine is told besides the model, and what it hands back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from pinbench.contract.case import Precision
from pinbench.contract.result import EngineFacts, Kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how an engine is to compute."""

    precision: Precision
    cpus: tuple[int, ...]  # one thread on each, in this order
    cache: Path  # for what is compiled once and used by later starts; may not exist yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Executable:
    """A model that an engine has made ready for inputs of one shape.

    `kernels` calls what it is given, which makes one model call, and returns the matrix products that ran in it;
    None: they are those of PyTorch's own oneDNN, whose log tells them.
    """

    call: Callable[..., Tensor]
    facts: EngineFacts
    kernels: Callable[[Callable[[], Any]], tuple[Kernel, ...]] | None = None
