"""Sparse arch and dot interaction as one inference-only box that allocates nothing and stays in the cache.

The same numbers as `SparseArch` and `DotInteraction` behind each other, arranged for speed:

* rows are gathered straight into the matrix that is multiplied, instead of being copied behind the dense feature;
* that matrix is padded to a multiple of 16 features, for which the batched products of MKL and oneDNN are up to
  twice as fast as for Criteo's 27; the padding is never read;
* a large batch is worked through in chunks whose intermediates fit a core's cache;
* all buffers are made once: a fresh 28 MB buffer a step costs more in page faults than the gather that fills it.
"""

import torch
from torch import Tensor, nn

from pinbench.base.units import round_up
from pinbench.worker.models.dlrm.config import num_pairs
from pinbench.worker.models.dlrm.interaction import DotInteraction
from pinbench.worker.models.dlrm.sparse import SparseArch

_FEATURE_MULTIPLE = 16
_CHUNK_ROWS = 256  # 4 MiB of fp32 rows at F = 26, D = 128; 64 to 512 measured alike, 2,048 slower


def lookup_dots_bytes(features: int, width: int, batch_size: int, itemsize: int) -> int:
    """Return what the buffers of a `LookupDots` take, with the dots that a chunk picks; features: the dense one too."""
    chunk, padded = min(batch_size, _CHUNK_ROWS), _padded(features)
    row_bytes, pairs = torch.int64.itemsize * padded, num_pairs(features)
    dots_bytes = itemsize * (padded * width + padded * padded + pairs)
    return chunk * (row_bytes + dots_bytes) + batch_size * itemsize * (width + pairs)


class LookupDots(nn.Module):
    """Gather and pairwise dots for batches of up to `batch_size` rows; not re-entrant, for its buffers."""

    def __init__(self, sparse_arch: SparseArch, interaction: DotInteraction, batch_size: int) -> None:
        super().__init__()
        self.tables_RD = sparse_arch.tables_RD
        self.offset_F = sparse_arch.offset_F
        self._chunk = min(batch_size, _CHUNK_ROWS)
        width, dtype = self.tables_RD.shape[1], self.tables_RD.dtype
        features = len(self.offset_F) + 1  # the dense one first
        padded = _padded(features)
        self._pair_P = interaction.pair_P // features * padded + interaction.pair_P % features
        # Row 0 of the block stands in for the dense feature, which overwrites it, and for the padding.
        self._row_BG = torch.zeros(self._chunk, padded, dtype=torch.int64)
        self._stacked_BGD = torch.empty(self._chunk, padded, width, dtype=dtype)
        self._dots_BGG = torch.empty(self._chunk, padded, padded, dtype=dtype)
        self._features_BW = torch.empty(batch_size, width + len(self._pair_P), dtype=dtype)

    def forward(self, dense_BD: Tensor, sparse_BF: Tensor) -> Tensor:
        """Return [dense | pairwise dots], shape (B, D + P), in a buffer that the next call overwrites."""
        features_BW = self._features_BW[: len(dense_BD)]
        for begin in range(0, len(dense_BD), self._chunk):
            rows = slice(begin, begin + self._chunk)
            self._compute(dense_BD[rows], sparse_BF[rows], features_BW[rows])
        return features_BW

    def _compute(self, dense_BD: Tensor, sparse_BF: Tensor, features_BW: Tensor) -> None:
        size, width = dense_BD.shape
        row_BG, stacked_BGD, dots_BGG = self._row_BG[:size], self._stacked_BGD[:size], self._dots_BGG[:size]
        torch.add(sparse_BF, self.offset_F, out=row_BG[:, 1 : sparse_BF.shape[1] + 1])
        torch.index_select(self.tables_RD, 0, row_BG.view(-1), out=stacked_BGD.view(-1, width))
        stacked_BGD[:, 0] = dense_BD
        torch.bmm(stacked_BGD, stacked_BGD.mT, out=dots_BGG)
        features_BW[:, :width] = dense_BD
        features_BW[:, width:] = dots_BGG.flatten(1).index_select(1, self._pair_P)


def _padded(features: int) -> int:
    """Return G, the width of the padded matrix."""
    return round_up(features, _FEATURE_MULTIPLE)
