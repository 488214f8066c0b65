"""A model that knows several ways to compute the same, of which a trial finds the fastest."""

import abc
from collections.abc import Callable

from torch import Tensor, nn


class HasPaths(nn.Module, abc.ABC):
    """A model with several ways; all give the same output but for rounding."""

    path: str  # the way that is taken

    @property
    @abc.abstractmethod
    def paths(self) -> tuple[str, ...]:
        """All ways, by their names."""

    @abc.abstractmethod
    def trial(self, *inputs: Tensor) -> Callable[[], Tensor]:
        """Return a call that does, on the way that is taken then, what the ways differ in, and nothing else."""
