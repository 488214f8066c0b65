"""The probabilities of labelled rows, taken down batch by batch, and what they are worth together.

N rows in all, B of a batch.
"""

import numpy as np
import torch
from torch import Tensor

from pinbench.contract.result import Accuracy
from pinbench.worker.metrics.auc import AUC_ROW_BYTES, Labels, Scores, roc_auc

SCORE_ROW_BYTES = 4 + 1 + AUC_ROW_BYTES  # of memory for each row: its probability, its label, and judging them

_PIECE = 1 << 18  # rows at a time, where float64 would take twice the memory of all scores
# As sklearn.metrics.log_loss does with float32: a probability of 0 for what then happened would cost without bound.
_LEAST = float(np.finfo(np.float32).eps)


class ClickScores:
    """Room for the probabilities and labels of a known number of rows; each is taken down once, in order."""

    def __init__(self, rows: int) -> None:
        self._probability_N = torch.zeros(rows)  # zeros, not empty: the pages are there before the first step
        self._click_N = torch.zeros(rows, dtype=torch.bool)
        self.taken = 0

    def take(self, probability_B: Tensor, label_B: Tensor) -> None:
        """Take down a batch; of the last one only as many rows as are still wanted: others only fill it up."""
        begin = self.taken
        rows = min(len(probability_B), len(self._click_N) - begin)
        self._probability_N[begin : begin + rows] = probability_B[:rows]
        self._click_N[begin : begin + rows] = label_B[:rows] > 0
        self.taken = begin + rows

    def judge(self) -> Accuracy:
        """Return what all rows together are worth.

        Raises:
            ModelError: a probability is NaN.
            DataError: all labels are the same.
        """
        assert self.taken == len(self._click_N), f"{self.taken} of {len(self._click_N)} rows were scored"
        probability_N, click_N = self._probability_N.numpy(), self._click_N.numpy()
        return Accuracy(
            samples=self.taken,
            clicks=int(click_N.sum()),
            auc=roc_auc(probability_N, click_N),
            correct=int(((probability_N > 0.5) == click_N).sum()),
            log_loss=_log_loss(probability_N, click_N),
        )

    def part(self, begin: int, end: int) -> tuple[Scores, Labels]:
        """Return probabilities and labels of the rows from `begin` to before `end`."""
        return self._probability_N[begin:end].numpy(), self._click_N[begin:end].numpy()


def _log_loss(probability_N: Scores, click_N: Labels) -> float:
    total = 0.0
    for begin in range(0, len(click_N), _PIECE):
        piece = slice(begin, begin + _PIECE)
        hit_N = np.where(click_N[piece], probability_N[piece], 1 - probability_N[piece].astype(np.float64))
        total -= float(np.log(hit_N.clip(_LEAST, 1 - _LEAST)).sum())
    return total / len(click_N)
