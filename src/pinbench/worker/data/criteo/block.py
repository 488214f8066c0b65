"""A buffer of several batches side by side, filled again and again.

K batches of the block, B rows of a batch, I integers, F categories.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pinbench.base.units import round_up
from pinbench.worker.data.criteo.batch import Batch
from pinbench.worker.data.criteo.form import Rows

_ALIGNMENT_BYTES = 64  # of torch's own allocations (c10/core/alignment.h)


class Block:
    """Batches that keep their place in memory; `batches` shows the rows of the last `fill`.

    The one who fills it first decides on which node its pages lie: making it touches none.
    """

    def __init__(self, count: int, batch_size: int, tables: int, dense_features: int) -> None:
        self.rows = count * batch_size
        dense, self._dense_KBI = _room(count, (batch_size, dense_features), torch.float32)
        sparse, self._sparse_KBF = _room(count, (batch_size, tables), torch.int64)
        label, self._label_KB = _room(count, (batch_size,), torch.float32)
        self.batches = [
            Batch(dense_BI=dense_BI, sparse_BF=sparse_BF, label_B=label_B)
            for dense_BI, sparse_BF, label_B in zip(dense, sparse, label, strict=True)
        ]

    def fill(self, pieces: Sequence[Rows]) -> None:
        """Take over `rows` rows, whose logarithm has been taken and whose ids are those of the tables."""
        # numpy, because it copies in the calling thread: torch would start threads for each that calls it
        _spread(self._dense_KBI, [piece.dense_BI for piece in pieces])
        _spread(self._sparse_KBF, [piece.sparse_BF for piece in pieces])
        _spread(self._label_KB, [piece.label_B for piece in pieces])


def positions(begin: int, rows: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield, as ranges of at most `most` rows, the `rows` rows from `begin` on; after row `end` - 1 comes row 0."""
    begin %= end
    while rows:
        size = min(rows, end - begin, most)
        yield begin, begin + size
        begin = (begin + size) % end
        rows -= size


def _room(count: int, shape: tuple[int, ...], dtype: torch.dtype) -> tuple[list[Tensor], npt.NDArray[np.generic]]:
    """Return `count` aligned tensors of `shape`, and one array over the same memory."""
    size, step = math.prod(shape), _ALIGNMENT_BYTES // dtype.itemsize
    memory = torch.empty(count, round_up(size, step), dtype=dtype)
    tensors = [row[:size].view(shape) for row in memory.unbind()]
    return tensors, memory.numpy()[:, :size].reshape(count, *shape)


def _spread(target: npt.NDArray[np.generic], pieces: Sequence[npt.NDArray[np.generic]]) -> None:
    whole = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    np.copyto(target, whole.reshape(target.shape))
