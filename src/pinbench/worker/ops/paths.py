"""A model that knows several ways to compute the same, of which a trial finds the fastest."""

import abc

from torch import Tensor, nn


class HasPaths(nn.Module, abc.ABC):
    """A model with several ways; all give the same output but for rounding."""

    path: str  # the way that is taken

    @property
    @abc.abstractmethod
    def paths(self) -> tuple[str, ...]:
        """All ways, by their names."""

    @abc.abstractmethod
    def trial(self, *inputs: Tensor) -> Tensor:
        """Compute a part of what the model does with `inputs`: a quick one, in which the ways differ."""
