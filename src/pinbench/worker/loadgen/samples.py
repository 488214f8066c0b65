"""LoadGen's query sample library: a sample is one user with the items to be ranked for them, so many pairs.

S samples in all, N pairs that are loaded, I integers, F categories.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pinbench.base.errors import UsageError
from pinbench.worker.data.criteo.batch import Batch

Sizes = npt.NDArray[np.int64]
Read = Callable[[int, int], Batch]  # the rows from one to before another

# Of MLPerf's DLRM: 100 to 700 pairs, 330,067 samples for 89,137,319 of them (recommendation/dlrm, dist_quantile.txt).
LEAST_PAIRS, MOST_PAIRS, MEAN_PAIRS = 100, 700, 270
# The rate at which an exponential distribution that is cut off at both ends has this mean.
_RATE = 0.004929016950215926


def drawn_sizes(rows: int, seed: int, quantiles: Path | None = None) -> Sizes:
    """Return the pairs of each sample, so many that they are `rows` together; the last one has what is left.

    As the reference draws them: each is a quantile of a distribution, chosen by a uniform number. `quantiles` is a file
    with such a list; without one they are those of a cut-off exponential distribution with the range and mean of
    MLPerf's.
    """
    rng = np.random.default_rng(seed)
    table = None if quantiles is None else read_quantiles(quantiles)
    sizes: list[int] = []
    left = rows
    while left > 0:
        uniform = rng.random()
        size = quantile(uniform) if table is None else int(table[int(uniform * len(table))])
        sizes.append(min(size, left))
        left -= sizes[-1]
    return np.array(sizes, np.int64)


def quantile(uniform: float) -> int:
    """Return the pairs that a share `uniform` (0 to below 1) of the samples does not exceed."""
    span = MOST_PAIRS - LEAST_PAIRS
    return LEAST_PAIRS + round(-math.log1p(-uniform * -math.expm1(-_RATE * span)) / _RATE)


def read_quantiles(path: Path) -> Sizes:
    """Return the numbers of a file such as MLPerf's ``dist_quantile.txt``: whole ones, with commas between them.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        words = re.split(r"[,\s]+", path.read_text(encoding="utf-8").strip(", \n\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"SAMPLE_QUANTILES={path} cannot be read: {error}") from error
    wrong = [word for word in words if not re.fullmatch(r"[1-9]\d{0,6}", word, re.ASCII)]
    if wrong:
        raise UsageError(f"SAMPLE_QUANTILES={path} must hold whole numbers from 1 on, with commas, got {wrong[0]!r}")
    return np.array([int(word) for word in words], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The pairs in memory, and which of them belong to each sample."""

    dense_NI: Tensor
    sparse_NF: Tensor
    label_N: npt.NDArray[np.float32]
    begin_S: Sizes  # the place of a sample's first pair; -1 where it is not loaded


class Samples:
    """All samples, of consecutive rows each, and those that LoadGen has asked to be in memory."""

    def __init__(self, size_S: Sizes, read: Read) -> None:
        self.size_S = size_S
        self.loaded: Loaded | None = None
        self._first_S = np.concatenate([[0], np.cumsum(size_S)[:-1]])
        self._read = read

    def __len__(self) -> int:
        return len(self.size_S)

    @property
    def pairs(self) -> int:
        """The pairs of all samples together."""
        return int(self.size_S.sum())

    def load(self, indices: Sequence[int]) -> None:
        """Bring these samples into memory; LoadGen's name for it is LoadSamplesToRam."""
        begin_S = np.full(len(self), -1, np.int64)
        batches: list[Batch] = []
        place = 0
        for first, last in _runs(sorted(set(indices))):
            begin, end = int(self._first_S[first]), int(self._first_S[last] + self.size_S[last])
            begin_S[first : last + 1] = self._first_S[first : last + 1] - begin + place
            batches.append(self._read(begin, end))
            place += end - begin
        labels = [np.zeros(len(b.dense_BI), np.float32) if b.label_B is None else b.label_B.numpy() for b in batches]
        self.loaded = Loaded(
            dense_NI=torch.cat([batch.dense_BI for batch in batches]),
            sparse_NF=torch.cat([batch.sparse_BF for batch in batches]),
            label_N=np.concatenate(labels),
            begin_S=begin_S,
        )

    def unload(self, _: Sequence[int]) -> None:
        """Give the memory back."""
        self.loaded = None


def _runs(ascending: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last number of each run without a gap."""
    first = last = ascending[0]
    for number in ascending[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last
