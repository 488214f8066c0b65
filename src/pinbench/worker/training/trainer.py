"""What learns: a model that each step changes in place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from pinbench.contract.result import EngineFacts
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.executable import Setting
from pinbench.worker.training.adagrad import Accumulated


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerOrder:
    """How a trainer is to learn."""

    setting: Setting
    batch_size: int  # rows of the largest batch
    device: str = "cpu"  # in PyTorch's words
    split_tables: bool = False  # let lookups of a bfloat16 model read half of each row, at no loss of what is learned
    accumulated: Accumulated | None = None  # of a trainer that learns by Adagrad


class Trainer(Protocol):
    """A model, its loss (the mean binary cross-entropy, BCELoss) and plain SGD, or Adagrad.

    Not re-entrant: what a call returns may lie in memory that the next one overwrites. A trainer with kernels of its
    own names them in an attribute `own_kernels`, as an `Executable` does: no log of oneDNN shows them.
    """

    facts: EngineFacts

    def step(self, micro_batches: Sequence[Batch], learning_rate: float) -> Tensor:
        """Learn from all rows of `micro_batches` as of one batch, and return their mean loss before that, shape ().

        Gradients of several micro-batches are of the same weights and add up to those of one large batch, whatever the
        sizes of its parts.
        """

    def predict(self, batch: Batch) -> Tensor:
        """Return the click probability of each row, float32, shape (B,)."""

    def state(self) -> Mapping[str, Tensor]:
        """Return the fp32 weights by the reference's names (``emb_l.0.weight``, ``bot_l.0.weight``, ...).

        Views of what is trained where it is fp32 on the CPU. Another trainer that is made of them goes on with the same
        bits: a trainer has no state besides. One that learns by Adagrad has what is added up of each weight among them,
        its name behind `LEARNED` of models/dlrm/checkpoint.py.
        """


class RankTrainer(Trainer, Protocol):
    """A trainer on each of several ranks: all make the same calls, with the same batches."""

    learned: int  # rows of this rank's parts

    def weights_of(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return copies of the weights that `batch` meets; of tables each different row once, in ascending order."""
