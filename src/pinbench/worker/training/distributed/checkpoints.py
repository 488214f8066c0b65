"""Checkpoints of a training on several ranks: rank 0 writes them, and asks the others for what it does not have.

They are those of one process, by the reference's names, so any number of ranks goes on with them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from torch import Tensor

from pinbench.worker.training.checkpoint import Checkpoints, Saved


class OfRanks(Protocol):
    """Weights that lie on several ranks, as a trainer's `state` returns them there."""

    def release(self) -> None:
        """Tell the others that rank 0 has all that it wanted."""

    def serve(self) -> None:
        """Send rank 0 what it asks for, until then."""


class RankCheckpoints(Checkpoints):
    """The checkpoint in a folder that rank 0 sees; other ranks need not see it."""

    def __init__(self, folder: Path, rank: int) -> None:
        super().__init__(folder)
        self._rank = rank

    def save(self, saved: Saved, weights: Mapping[str, Tensor]) -> None:
        """Put a new checkpoint in the place of the last one; all ranks call it at the same step.

        Raises:
            ModelError: as `Checkpoints` has it, on rank 0; the others hear of it at their next exchange.
        """
        of_ranks = cast("OfRanks", weights)
        if self._rank != 0:
            of_ranks.serve()
            return
        try:
            super().save(saved, weights)
        finally:
            of_ranks.release()
